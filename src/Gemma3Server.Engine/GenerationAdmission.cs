using System.Diagnostics.CodeAnalysis;
using Gemma3Server.Engine.Scheduling;

namespace Gemma3Server.Engine;

/// <summary>The answer to a request: either a stream of events, or a refusal with a reason and a time to try again.</summary>
public sealed record GenerationAdmission
{
    private readonly Sequence? _sequence;

    private GenerationAdmission(Sequence? sequence) => _sequence = sequence;

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

    /// <summary>
    /// The request's place among those that wait, 1 = next, as it was lately; 0 when it does not wait. Readable from any thread.
    /// </summary>
    public int QueuePosition => _sequence?.Position ?? 0;

    internal static GenerationAdmission Accept(IAsyncEnumerable<GenerationEvent> events, Sequence sequence) =>
        new(sequence) { Events = events };

    internal static GenerationAdmission Refuse(GenerationError error, string message, TimeSpan retryAfter) =>
        new((Sequence?)null) { Refusal = new(error, message), RetryAfter = retryAfter };
}
