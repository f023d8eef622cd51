"""What a client that openapi-python-client generated from openapi.yaml reads from a service: prints one JSON object.

    PYTHONPATH=FOLDER_OF_THE_CLIENT python generated_client.py BASE_URL
"""

import json
import sys

from logpr_client import Client
from logpr_client.api.models import get_model, tokenize
from logpr_client.api.operations import ready
from logpr_client.api.scoring import check_logprobs, rerank, score_completions, score_logprob
from logpr_client.models import (
    CheckRequest,
    CompletionsRequest,
    LogprobFailure,
    LogprobPair,
    LogprobRequest,
    LogprobResult,
    RerankRequest,
    TokenizeRequest,
)

client = Client(base_url=sys.argv[1])

pairs = [LogprobPair(x="The children ran down to the", y=" river."), LogprobPair(x="The cat", y="")]
scored = score_logprob.sync(client=client, body=LogprobRequest(pairs=pairs))
result, failure = scored.results
assert isinstance(result, LogprobResult) and isinstance(failure, LogprobFailure)
problem = score_logprob.sync_detailed(client=client, body=LogprobRequest(x="The cat", y=""))
ranked = rerank.sync(client=client, body=RerankRequest(query="a cat", documents=["a dog", "the cat"]))
ranks = rerank.sync(client=client, body=RerankRequest(query="a cat", texts=["a dog", "the cat"]))
refused = rerank.sync(client=client, body=RerankRequest(query="a cat", texts=[]))
completions = score_completions.sync(client=client, body=CompletionsRequest(prompt="The cat", echo=True, max_tokens=0, logprobs=1))
model = get_model.sync(client=client, id=scored.model)

print(
    json.dumps(
        {
            "conditional": result.log_prob.conditional,
            "verdict": result.checks.verdict,
            "failure": failure.error.code,
            "total_tokens": scored.usage.total_tokens,
            "dtype": scored.stamp.dtype == model.dtype,
            "problem": [problem.status_code, type(problem.parsed).__name__, problem.parsed.code],
            "ranked": len(ranked.results),
            "ranks": len(ranks),
            "refused": [type(refused).__name__, refused.code],
            "tokens": len(completions.choices[0].logprobs.tokens),
            "self_test": model.self_test.verdict,
            "count": tokenize.sync(client=client, body=TokenizeRequest(prompt="The cat")).count,
            "consistent": check_logprobs.sync(client=client, body=CheckRequest(joint=-3.5, marginal=-5.2)).consistent,
            "ready": ready.sync(client=client).status,
        }
    )
)
