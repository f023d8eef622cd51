"""What the schema of logpr cannot say, because it depends on the model.

The schema says which fields exclude or need each other (src/http/schemas/field-rules.ts), and the built-in check
`positive_data_acceptance` holds the service to it. JSON Schema does not know the vocabulary, the context length, the chat
template or how many tokens a text has. `before_call` fits generated requests to the model where it can, and
`documented_rejection` lets only the codes of such a failure pass with status 422.
"""

import json

import schemathesis

MODEL = "logpr-tiny-en"
VOCABULARY_SIZE = 4096

# Codes of status 422, all about the text and the model. docs/reference/errors.md explains each.
CODES = {
    "boundary_merged",
    "boundary_not_exact",
    "chat_template_failed",
    "empty_completion",
    "no_end_token",
    "no_prefix_token",
}

# Short enough that four messages, or x and y, never exceed its context of 512 tokens.
TEXT_FIELDS = ("x", "y", "text", "role", "content", "prompt", "query", "documents", "texts", "separator", "domain_prompt", "choices", "content_free", "terminator", "candidates", "instruction")
MAX_CHARACTERS = 12
MAX_IDS = 100
MAX_MESSAGES = 4

MESSAGE_OPTIONS = ("add_generation_prompt", "continue_final_message", "tools", "documents", "chat_template_kwargs")

# At these lengths in tokens other services truncate; logpr rejects a longer text.
TOKEN_LIMITS = ("max_tokens_per_doc", "max_tokens_per_query", "truncate_prompt_tokens")


@schemathesis.hook
def before_load_schema(ctx, raw_schema):
    """Moves the rules between the fields to `allOf`, from which Schemathesis generates requests faster."""
    for schema in raw_schema["components"]["schemas"].values():
        if "then" in schema:
            schema.pop("if")
            schema["allOf"] = schema.pop("then")["allOf"]


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """Fits a request that the schema allows to the model."""
    if not is_positive(case) or not isinstance(case.body, dict):
        return
    body = fitted(case.body)
    if isinstance(body.get("model"), str):
        body["model"] = MODEL
    for limit in TOKEN_LIMITS:
        # Also of 0.0, which is an integer in JSON Schema.
        if limit in body:
            body[limit] = None
    # The tokenizer of another model may add a token to an empty prompt.
    if case.path == "/v1/completions":
        prompt = body["prompt"]
        body["prompt"] = [text or "a" for text in prompt] if isinstance(prompt, list) else prompt or "a"
    # Nor of equal names and texts in different choices.
    if case.path == "/v1/choose":
        for question in body.get("questions", [body]):
            question["choices"] = [distinct(choice, i) for i, choice in enumerate(question["choices"])]
            # Nor of a place for each candidate in a prompt.
            if "candidates" in question:
                question["x"] = "{candidate_1} {candidate_2}"
                for field in ("messages", *MESSAGE_OPTIONS):
                    question.pop(field, None)
    # Nor of templates that need tokens of other models.
    if body.get("scoring") == "yes_no":
        body["template"] = "bge-reranker-v2-gemma"
    # Nor compare two numbers, nor know the context length of the model.
    if case.path == "/v1/perplexity":
        if "max_length" in body:
            body["max_length"] = min(body["max_length"], 512)
        if body.get("stride", 0) >= body.get("max_length", 512):
            del body["stride"]
        if "cutoffs" in body:
            body["cutoffs"].sort()
        if "text" in body:
            body["text"] += " a b"
        if "texts" in body:
            body["texts"] = [text + " a b" for text in body["texts"]]
    if not {"min_k", "min_k_plus_plus"} & set(body.get("statistics") or []):
        body.pop("min_k_percent", None)
    # Nor where a text ends, nor which terms have statistics and ids.
    if case.path == "/v1/logprob":
        items = [body, *body.get("pairs", [])]
        for item in items:
            item.pop("spans", None)
        if "statistics" in body or any("ids" in item for item in items):
            body.pop("terms", None)
    # Nor lists of equal lengths, nor which roles the messages have.
    if case.path == "/v1/loss":
        for example in body.get("examples", [body]):
            if "input_ids" in example:
                example.update(collated(example))
            if example.get("train_on"):
                example["train_on"] = sorted({message["role"] for message in example["messages"]})
    # JSON Schema cannot speak of the last element of a list.
    if body.get("echo") is True and case.path == "/v1/chat/completions":
        body["messages"][-1].update(role="assistant", content="a")
    case.body = body


def fitted(value, field=""):
    """The value with short texts, ids of the vocabulary, JSON as arguments, and without the name refused at any depth."""
    if isinstance(value, dict):
        return {name: fitted(item, name) for name, item in value.items() if name != "__proto__"}
    if isinstance(value, list):
        kept = value[:MAX_MESSAGES] if field in ("messages", "segments") else value[:MAX_IDS]
        return [int(item) % VOCABULARY_SIZE if is_id(item) else fitted(item, field) for item in kept]
    if field == "arguments" and isinstance(value, str):
        return "{}"
    return value[:MAX_CHARACTERS] if isinstance(value, str) and field in TEXT_FIELDS else value


def collated(example):
    """Labels, and a mask if there is one, for the ids of an example or of the rows of a batch."""
    ids = example["input_ids"]
    is_batch = isinstance(ids[0], list)
    rows = ids if is_batch else [ids]
    fields = {"labels": [[-100, *row[1:]] for row in rows]}
    if "attention_mask" in example:
        fields["attention_mask"] = [[1] * len(row) for row in rows]
    return fields if is_batch else {name: row for name, [row] in fields.items()}


def distinct(choice, index):
    """The choice with a name and texts that no other has."""
    if isinstance(choice, str):
        return f"{choice} {index}"
    texts = [f"{text} {index} {i}" for i, text in enumerate(choice["texts"][:MAX_MESSAGES])]
    return {**choice, "name": f"{choice['name'][:MAX_CHARACTERS]} {index}", "texts": texts}


def is_id(value):
    return not isinstance(value, bool) and isinstance(value, (int, float)) and value == int(value)


@schemathesis.check
def documented_rejection(ctx, response, case):
    """A request that the schema allows is accepted, or cannot be scored by this model."""
    if response.status_code != 422 or not is_positive(case):
        return
    problem = json.loads(response.content)
    assert problem["code"] in CODES, f"{problem['code']}: {problem['detail']}"


def is_positive(case):
    return case.meta is not None and case.meta.generation.mode.is_positive
