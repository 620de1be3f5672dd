using Gemma3Server.Api.Responses;
using Gemma3Server.Chat;
using Gemma3Server.Chat.Tools;
using Gemma3Server.Engine;

namespace Gemma3Server.Responses;

/// <summary>A request for a response that can be run as it is.</summary>
internal sealed record ParsedResponse
{
    /// <summary>For the engine.</summary>
    public required GenerationRequest Request { get; init; }

    /// <summary>The response as it begins.</summary>
    public required ResponseBody Body { get; init; }

    /// <summary>The items of this request's own input.</summary>
    public required IReadOnlyList<ResponseItem> Input { get; init; }

    /// <summary>What the prompt was made of.</summary>
    public required Conversation Conversation { get; init; }

    /// <summary>The tools that the answer may call; null when there are none.</summary>
    public ToolUse? Tools { get; init; }

    /// <summary>Whether the response is streamed.</summary>
    public bool Stream { get; init; }

    /// <summary>Parameters that were given and have no effect.</summary>
    public required IReadOnlyList<string> IgnoredParameters { get; init; }
}
