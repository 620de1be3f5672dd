using System.Diagnostics.CodeAnalysis;

namespace Gemma3Server.Engine;

/// <summary>The answer to a request: either a stream of events, or a refusal with a reason and a time to try again.</summary>
public sealed record GenerationAdmission
{
    private GenerationAdmission()
    {
    }

    /// <summary>Whether the request was admitted.</summary>
    [MemberNotNullWhen(true, nameof(Events))]
    [MemberNotNullWhen(false, nameof(Refusal))]
    public bool Admitted => Events is not null;

    /// <summary>The events of an admitted request; to be read once, by one reader.</summary>
    public IAsyncEnumerable<GenerationEvent>? Events { get; private init; }

    /// <summary>Why the request was refused.</summary>
    public GenerationEvent.Failed? Refusal { get; private init; }

    /// <summary>For a refusal: when to try again, estimated from the running requests.</summary>
    public TimeSpan RetryAfter { get; private init; }

    internal static GenerationAdmission Accept(IAsyncEnumerable<GenerationEvent> events) => new() { Events = events };

    internal static GenerationAdmission Refuse(GenerationError error, string message, TimeSpan retryAfter) =>
        new() { Refusal = new(error, message), RetryAfter = retryAfter };
}
