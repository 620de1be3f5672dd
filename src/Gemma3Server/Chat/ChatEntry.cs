namespace Gemma3Server.Chat;

/// <summary>A validated message: its role and the texts of its parts, as they were sent.</summary>
internal sealed record ChatEntry(ChatRole Role, IReadOnlyList<string> Parts);
