"""Score the documents of test/rerank/yes-no.json as the model cards of causal rerankers do, with transformers in float64.

    python check_rerank.py MODEL_FOLDER CASES_JSON [write]

Nothing of logpr takes part, and the prompts are written here again: `process_inputs` and `compute_logits` of the card of
Qwen3-Reranker, and the inputs of FlagEmbedding's BaseLLMReranker. Exits 1 when an expected value in the file is off by
more than 1e-6; with `write` it writes the values instead.
"""
import json
import sys
from pathlib import Path

import numpy as np
import tokenizers
import torch
from embedded_weights import embedded_model

PREFIX_TOKEN = 0
TOLERANCE = 1e-6
QWEN_PREFIX = (
    '<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the Instruct provided. '
    'Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
)
QWEN_SUFFIX = '<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n'
QWEN_TASK = 'Given a web search query, retrieve relevant passages that answer the query'
BGE_PROMPT = (
    'Given a query A and a passage B, determine whether the passage contains an answer to the query by providing a '
    "prediction of either 'Yes' or 'No'."
)


def qwen_inputs(encode, query: str, document: str, task: str | None) -> list[int]:
    pair = f'<Instruct>: {task or QWEN_TASK}\n<Query>: {query}\n<Document>: {document}'
    return [*encode(QWEN_PREFIX, True), *encode(pair), *encode(QWEN_SUFFIX, True)]


def bge_inputs(encode, query: str, document: str, prompt: str | None) -> list[int]:
    sep = encode('\n')
    return [PREFIX_TOKEN, *encode(f'A: {query}'), *sep, *encode(f'B: {document}'), *sep, *encode(prompt or BGE_PROMPT)]


RECIPES = {'qwen3-reranker': (qwen_inputs, 'yes', 'no'), 'bge-reranker-v2-gemma': (bge_inputs, 'Yes', 'No')}


def score(model, encode, case: dict, document: str) -> dict:
    inputs, yes, no = RECIPES[case['template']]
    ids = inputs(encode, case['query'], document, case.get('instruction'))
    labels = [encode(yes), encode(no)]
    if max(map(len, labels)) == 1:
        with torch.no_grad():
            logits = model(torch.tensor([ids])).logits[0, -1]
        both = torch.log_softmax(torch.stack([logits[labels[1][0]], logits[labels[0][0]]]), 0)
        rows = torch.log_softmax(logits, -1)
        log_probs = [rows[label[0]].item() for label in labels]
        return {'yes': log_probs[0], 'no': log_probs[1], 'relevance_score': both[1].exp().item()}
    log_probs = [sequence_log_prob(model, ids, label) for label in labels]
    return {'yes': log_probs[0], 'no': log_probs[1], 'relevance_score': 1 / (1 + float(np.exp(log_probs[1] - log_probs[0])))}


def sequence_log_prob(model, ids: list[int], label: list[int]) -> float:
    with torch.no_grad():
        rows = torch.log_softmax(model(torch.tensor([ids + label[:-1]])).logits[0, len(ids) - 1 :], -1)
    return rows.gather(1, torch.tensor(label)[:, None]).sum().item()


def main() -> int:
    folder, path = Path(sys.argv[1]), Path(sys.argv[2])
    model = embedded_model(folder, np.float64)
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / 'tokenizer.json'))

    def encode(text: str, control: bool = False) -> list[int]:
        tokenizer.encode_special_tokens = not control
        return tokenizer.encode(text, add_special_tokens=False).ids

    cases = json.loads(path.read_text())
    found = [[score(model, encode, case, document) for document in case['documents']] for case in cases]
    if sys.argv[3:] == ['write']:
        for case, expected in zip(cases, found):
            case['expected'] = expected
        path.write_text(json.dumps(cases, indent=2, ensure_ascii=False) + '\n')
    worst = max(
        abs(value - expected[name])
        for case, scores in zip(cases, found)
        for own, expected in zip(scores, case['expected'], strict=True)
        for name, value in own.items()
    )
    print(f'oracle: {len(cases)} rankings by labels, largest difference {worst:.1e}')
    return int(worst > TOLERANCE)


if __name__ == '__main__':
    sys.exit(main())
