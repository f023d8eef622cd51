"""What Schemathesis has to know about logpr beyond its schema.

The built-in check `positive_data_acceptance` expects status 2xx for whatever the schema allows. A schema cannot say which
fields exclude each other without hiding which field is at fault, and it does not know the vocabulary, the context length
or the boundaries of tokens. `documented_rejection` replaces it: a request that the schema allows may only be rejected
with one of the codes and by one of the rules below. Any other rejection is a finding.
"""

import json
import re

import schemathesis

# About the model or the text. docs/reference/errors.md explains each.
CODES = {
    "boundary_merged",
    "boundary_not_exact",
    "chat_template_failed",
    "context_length_exceeded",
    "empty_completion",
    "invalid_text",
    "model_not_found",
    "no_end_token",
    "no_prefix_token",
    "not_found",
    "token_out_of_range",
    "unauthorized",
}

# Rules between fields, as the `detail` of `invalid_request` states them.
RULES = re.compile(
    r"exclude each other"
    r"|^send exactly one of"
    r"|^(pairs/\d+/)?(x|y|documents) is missing: send "
    r"|is an empty list(,|:)"
    r"|^prompt has no tokens: send a text that is not empty"
    r"|^add_special_tokens is for prompt only"
    r"|^train_on needs messages"
    r"|cannot be combined with "
    r"|^rank_fields names fields other than text"
    r"|^logpr returns the unchanged log-probabilities of the model"
    r"|^max_tokens is 0 without echo and without prompt_logprobs"
    r"| is not supported: "
    r"|^max_tokens is missing, which means 16 generated tokens"
    r"|^boundary applies to x and y alone"
    r"|^the request has no text: send one of"
    r"|but logpr returns one completion per prompt"
)


@schemathesis.check
def documented_rejection(ctx, response, case):
    """A request that the schema allows is accepted, or rejected by a documented rule."""
    if not 400 <= response.status_code < 500 or response.status_code in (405, 429):
        return
    meta = case.meta
    if meta is None or not meta.generation.mode.is_positive:
        return
    problem = json.loads(response.content)
    if problem["code"] in CODES:
        return
    if problem["code"] == "invalid_request" and RULES.search(problem["detail"]):
        return
    raise AssertionError(f"{problem['code']}: {problem['detail']}")
