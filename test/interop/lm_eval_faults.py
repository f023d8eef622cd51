"""What lm-eval's own classes make of questions that they cannot ask: prints one JSON object.

    python lm_eval_faults.py BASE_URL

The faults are the client's; a new version that mends one shows here, and docs/guides/harnesses.md has to follow.
"""
import json
import sys

from lm_eval.api.instance import Instance
from lm_eval.models.gguf import GGUFLM
from lm_eval.models.openai_completions import LocalCompletionsAPI

url = sys.argv[1]
api = LocalCompletionsAPI(base_url=f'{url}/v1/completions', model='logpr-tiny-en', tokenizer_backend='remote', max_length=512)
gguf = GGUFLM(base_url=url)


def outcome(client, context: str, continuation: str):
    """The log-prob and whether it is greedy, or the class of the error."""
    request = Instance(request_type='loglikelihood', doc={}, arguments=(context, continuation), idx=0)
    try:
        log_prob, is_greedy = client.loglikelihood([request], disable_tqdm=True)[0]
        return [float(log_prob), bool(is_greedy)]
    except Exception as error:
        return type(error).__name__


print(json.dumps({
    'merged': {name: outcome(client, 'T', 'h') for name, client in [('local-completions', api), ('gguf', gguf)]},
    'empty context': {name: isinstance(outcome(client, '', 'The river'), list) for name, client in [('local-completions', api), ('gguf', gguf)]},
    'alike where the context ends with': {
        end: abs(outcome(api, f'The end.{end}', f'{begin}It was')[0] - outcome(gguf, f'The end.{end}', f'{begin}It was')[0]) < 1e-3
        for end, begin in [('', ' '), (' ', '')]
    },
    'longer than max_length': outcome(api, 'The', ' river' * 600),
}))
