"""Which class of the official Python client each failure of the service arrives as: prints one JSON object.

    python openai_errors.py BASE_URL

Every entry is the class, the status, code and param, and how many requests the client made for it; `scored` is the
answer that the client read from a chat completion.
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


def scored() -> list:
    """What the client makes of a scored answer: the text of its tokens, and whether the numbers agree."""
    completion = client.chat.completions.create(
        model=MODEL,
        messages=[{'role': 'user', 'content': 'Where?'}, {'role': 'assistant', 'content': 'To the river.'}],
        logprobs=True,
        top_logprobs=3,
        max_tokens=0,
        extra_body={'echo': True, 'continue_final_message': True, 'add_generation_prompt': False, 'prompt_logprobs': 0},
    )
    [choice] = completion.choices
    tokens = choice.logprobs.content
    prompt = [None if entry is None else next(iter(entry.values()))['logprob'] for entry in completion.prompt_logprobs]
    answer = completion.logpr['answer']
    return [
        choice.message.role,
        choice.message.content,
        b''.join(bytes(token.bytes) for token in tokens).decode(),
        all(len(token.top_logprobs) == 3 for token in tokens),
        [token.logprob for token in tokens] == prompt[answer['start'] : answer['end']],
        abs(sum(token.logprob for token in tokens) - answer['log_prob']) < 1e-9,
        completion.usage.prompt_tokens == len(prompt),
    ]


print(json.dumps({
    'models': [model.id for model in client.models.list()],
    'generation': failure(lambda: client.completions.create(model=MODEL, prompt='Once', max_tokens=16)),
    'too long': failure(lambda: client.completions.create(model=MODEL, prompt=[5] * 600, max_tokens=1, echo=True, logprobs=1)),
    'other model': failure(lambda: client.completions.create(model='gpt-9', prompt='Once', max_tokens=1)),
    'chat': failure(lambda: client.chat.completions.create(model=MODEL, messages=[{'role': 'user', 'content': 'Once'}])),
    'scored': scored(),
    'id outside the vocabulary': failure(lambda: client.completions.create(model=MODEL, prompt=[[1, 2], [99999]], max_tokens=1, echo=True, logprobs=1))[:3],
}))
