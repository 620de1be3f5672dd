namespace Gemma3Server.Api.ChatCompletions;

/// <summary>One event of a streamed answer.</summary>
internal record ChatCompletionChunk
{
    /// <summary><c>chatcmpl-...</c>, the same in all events of an answer.</summary>
    public required string Id { get; init; }

    /// <summary>Always <c>chat.completion.chunk</c>.</summary>
    public string Object { get; init; } = "chat.completion.chunk";

    /// <summary>Unix time in seconds.</summary>
    public required long Created { get; init; }

    /// <summary>Id of the model.</summary>
    public required string Model { get; init; }

    /// <summary>The tier that was used, when the request named one.</summary>
    public string? ServiceTier { get; init; }

    /// <summary>Changes when the model or the server's version does.</summary>
    public required string SystemFingerprint { get; init; }

    /// <summary>What is new; empty in the event with the usage.</summary>
    public required IReadOnlyList<ChatCompletionChunkChoice> Choices { get; init; }
}
