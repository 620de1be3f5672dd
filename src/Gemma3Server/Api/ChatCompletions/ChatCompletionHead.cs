namespace Gemma3Server.Api.ChatCompletions;

/// <summary>What all bodies of one answer have in common.</summary>
internal sealed record ChatCompletionHead(string Id, long Created, string Model, string SystemFingerprint, string? ServiceTier);
