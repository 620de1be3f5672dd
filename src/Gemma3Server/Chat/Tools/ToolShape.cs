namespace Gemma3Server.Chat.Tools;

/// <summary>How a request writes tools.</summary>
internal enum ToolShape
{
    /// <summary>As chat completions do: what a function is stands in an object of its own, <c>function</c>.</summary>
    Nested,

    /// <summary>As the Responses API does: everything beside <c>type</c>.</summary>
    Flat,
}
