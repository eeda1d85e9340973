"""Gives the tools of a server to a model's function calling: python3 main.py CREDENTIALS"""

import asyncio
import sys
from typing import Any

from pydantic_ai import Agent, ModelRetry, Tool
from pydantic_ai.messages import ModelMessage
from stand_in import stand_in

import sealwire


def function_of(client: sealwire.aio.Client, tool: sealwire.tools.Tool) -> Tool:
    """A function that a model can call. Its schema is that of the signed contract, and its answers are verified."""

    async def call(**arguments: Any) -> dict[str, Any]:
        try:
            return tool.output(await client.call(tool.name, tool.request(arguments), tool.response_type))
        except ValueError as error:
            raise ModelRetry(str(error)) from error
        except sealwire.CallError as error:
            refusal = sealwire.error_of(error)
            if refusal is None or not refusal.violations:
                raise
            problems = [f"{each.field}: {each.message}" for each in refusal.violations]
            raise ModelRetry("; ".join(problems)) from error

    return Tool.from_schema(call, tool.name, tool.description, tool.input_schema)


async def main(credentials: str) -> None:
    async with sealwire.aio.Client(sealwire.aio.channel(credentials)) as client:
        described = sealwire.tools.describe(await client.list_tools(include_descriptors=True))
        # In place of `stand_in` goes the name of a real model.
        agent = Agent(stand_in, tools=[function_of(client, tool) for tool in described])
        result = await agent.run("What is 1 + 2 + 3.5? Then remember the word seal for a second.")
        for message in result.all_messages():
            show(message)


def show(message: ModelMessage) -> None:
    """Prints one turn of the conversation."""
    for part in message.parts:
        match part.part_kind:
            case "user-prompt":
                print(f"user: {part.content}")
            case "tool-call":
                print(f"model calls {part.tool_name}: {part.args_as_json_str()}")
            case "tool-return":
                print(f"{part.tool_name} answers: {part.model_response_str()}")
            case "retry-prompt":
                print(f"{part.tool_name} refuses: {part.content}")
            case "text":
                print(f"model: {part.content}")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
