"""Let the LM head of an exported graph read the embedding matrix instead of a transposed copy of it."""
import numpy as np
import onnx
from onnx import helper, numpy_helper

EMBEDDING = 'model.embed_tokens.weight'  # (vocabulary, hidden)


def share_embedding_with_head(model: onnx.ModelProto) -> None:
    """Replace MatMul(hidden, copy) -> logits by MatMul(hidden, Transpose(embedding)), in place; drops the copy."""
    graph = model.graph
    weights = {weight.name: weight for weight in graph.initializer}
    position, head = next((i, node) for i, node in enumerate(graph.node) if 'logits' in node.output)
    assert head.op_type == 'MatMul', f'the head is a {head.op_type}, expected a MatMul'
    if head.input[1] not in weights:
        return  # shared already
    copy = weights[head.input[1]]
    embedding = numpy_helper.to_array(weights[EMBEDDING])
    assert np.array_equal(numpy_helper.to_array(copy), embedding.T), 'the head is not the embedding: weights are not tied'

    head.input[1] = 'lm_head.weight_transposed'
    graph.node.insert(position, helper.make_node(
        'Transpose', [EMBEDDING], ['lm_head.weight_transposed'], name='/lm_head/Transpose', perm=[1, 0]))
    graph.initializer.remove(copy)
