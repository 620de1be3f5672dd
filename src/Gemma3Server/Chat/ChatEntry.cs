namespace Gemma3Server.Chat;

/// <summary>A validated message: its role and the texts of its parts, as they were sent.</summary>
internal sealed record ChatEntry(ChatRole Role, IReadOnlyList<string> Parts)
{
    /// <summary>Whether it is the result of a call in the message before it, or before other results.</summary>
    public bool IsResult { get; init; }
}
