using Gemma3Server.Chat.Tools;
using Gemma3Server.Engine;

namespace Gemma3Server.Chat;

/// <summary>A chat request that can be run as it is.</summary>
internal sealed record ParsedChat
{
    /// <summary>For the engine: the first answer's generation.</summary>
    public required GenerationRequest Request { get; init; }

    /// <summary>How many answers are to be given.</summary>
    public int Choices { get; init; } = 1;

    /// <summary>What the prompt was made of.</summary>
    public required Conversation Conversation { get; init; }

    /// <summary>The tools that the answer may call; null when there are none.</summary>
    public ToolUse? Tools { get; init; }

    /// <summary>Whether the answer is streamed.</summary>
    public bool Stream { get; init; }

    /// <summary>Whether a streamed answer ends with token counts.</summary>
    public bool IncludeUsage { get; init; }

    /// <summary>The service tier that is used; null when the request names none.</summary>
    public string? ServiceTier { get; init; }

    /// <summary>Parameters that were given and have no effect.</summary>
    public required IReadOnlyList<string> IgnoredParameters { get; init; }

    /// <summary>The prompt as text, for the trace log.</summary>
    public string Prompt() => ChatTemplate.Render(Conversation);
}
