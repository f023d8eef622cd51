"""Which class of the official Python client each failure of the service arrives as: prints one JSON object.

    python openai_errors.py BASE_URL

Every entry is the class, the status, code and param, and how many requests the client made for it.
"""
import json
import sys

import openai

url = sys.argv[1]
client = openai.OpenAI(base_url=f'{url}/v1', api_key='none')
MODEL = 'logpr-tiny-en'


def failure(call) -> list:
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.code, error.param]
    return ['no error']


print(json.dumps({
    'models': [model.id for model in client.models.list()],
    'generation': failure(lambda: client.completions.create(model=MODEL, prompt='Once', max_tokens=16)),
    'too long': failure(lambda: client.completions.create(model=MODEL, prompt=[5] * 600, max_tokens=1, echo=True, logprobs=1)),
    'other model': failure(lambda: client.completions.create(model='gpt-9', prompt='Once', max_tokens=1)),
    'chat': failure(lambda: client.chat.completions.create(model=MODEL, messages=[{'role': 'user', 'content': 'Once'}]))[:2],
    'id outside the vocabulary': failure(lambda: client.completions.create(model=MODEL, prompt=[[1, 2], [99999]], max_tokens=1, echo=True, logprobs=1))[:3],
}))
