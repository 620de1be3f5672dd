namespace Gemma3Server.Api.ChatCompletions;

/// <summary>A whole answer.</summary>
internal sealed record ChatCompletionResponse
{
    /// <summary><c>chatcmpl-...</c></summary>
    public required string Id { get; init; }

    /// <summary>Always <c>chat.completion</c>.</summary>
    public string Object { get; init; } = "chat.completion";

    /// <summary>Unix time in seconds.</summary>
    public required long Created { get; init; }

    /// <summary>Id of the model.</summary>
    public required string Model { get; init; }

    /// <summary>The answers, by index.</summary>
    public required IReadOnlyList<ChatCompletionChoice> Choices { get; init; }

    /// <summary>Token counts.</summary>
    public required Usage Usage { get; init; }

    /// <summary>The tier that was used, when the request named one.</summary>
    public string? ServiceTier { get; init; }

    /// <summary>Changes when the model or the server's version does.</summary>
    public required string SystemFingerprint { get; init; }
}
