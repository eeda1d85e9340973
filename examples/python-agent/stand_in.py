"""A model that follows a script, so that the example needs neither a network nor a key of a provider."""

from pydantic_ai.messages import ModelMessage, ModelResponse, ModelResponsePart, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

SCRIPT: list[ModelResponsePart] = [
    # The first attempt is wrong on purpose: the server says which field breaks which rule.
    ToolCallPart("batch_sum", {"numbers": [1, 2, "NaN"]}),
    ToolCallPart("batch_sum", {"numbers": [1, 2, 3.5]}),
    ToolCallPart("start_long_task", {"seconds": 1, "payload": {"word": "seal"}}),
    TextPart("The sum is 6.5, and the word is seal."),
]


def follow(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """Says the next part of the script, as a model would after reading the messages so far."""
    turn = sum(isinstance(message, ModelResponse) for message in messages)
    offered = {tool.name for tool in info.function_tools}
    part = SCRIPT[turn]
    if isinstance(part, ToolCallPart) and part.tool_name not in offered:
        return ModelResponse(parts=[TextPart(f"There is no tool {part.tool_name}.")])
    return ModelResponse(parts=[part])


stand_in = FunctionModel(follow, model_name="stand-in")
