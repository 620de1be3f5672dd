namespace Gemma3Server.Api.Completions;

/// <summary>A whole answer, or one event of a streamed one: both have this form.</summary>
internal record CompletionBody
{
    /// <summary><c>cmpl-...</c>, the same in all events of an answer.</summary>
    public required string Id { get; init; }

    /// <summary>Always <c>text_completion</c>.</summary>
    public string Object { get; init; } = "text_completion";

    /// <summary>Unix time in seconds.</summary>
    public required long Created { get; init; }

    /// <summary>Id of the model.</summary>
    public required string Model { get; init; }

    /// <summary>Changes when the model or the server's version does.</summary>
    public required string SystemFingerprint { get; init; }

    /// <summary>The answers, or what is new of one; empty in the event with the usage.</summary>
    public required IReadOnlyList<CompletionChoice> Choices { get; init; }
}
