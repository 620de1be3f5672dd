using Gemma3Server.Engine.Sampling;

namespace Gemma3Server.Engine;

/// <summary>
/// What a generation reports, in this order: one <see cref="Started"/>, any number of <see cref="Text"/>, then exactly one of
/// <see cref="Finished"/> and <see cref="Failed"/>. A cancelled generation ends without either: its reader has gone.
/// </summary>
public abstract record GenerationEvent
{
    private GenerationEvent()
    {
    }

    /// <summary>The prompt has been computed and the first token follows.</summary>
    /// <param name="PromptTokens">Tokens in the prompt.</param>
    /// <param name="CachedTokens">Of these, tokens whose KV was reused and not computed.</param>
    public sealed record Started(int PromptTokens, int CachedTokens) : GenerationEvent
    {
        /// <summary>Where the cached tokens came from, and why there were no more.</summary>
        public CacheExplanation? Cache { get; init; }
    }

    /// <summary>Text that is final: whole characters, no part of a stop string.</summary>
    /// <param name="Value">The text; empty only at the end, where tokens without text have log-probabilities left to report.</param>
    /// <param name="Tokens">Number of tokens generated so far, this text's included.</param>
    public sealed record Text(string Value, int Tokens) : GenerationEvent
    {
        /// <summary>
        /// The log-probabilities of the tokens whose text begins in this one; empty when the request asks for none. Over all events these
        /// are the tokens that the text is made of: not those of a stop string alone, and not the one that ended the turn.
        /// </summary>
        public IReadOnlyList<TokenLogProbs> LogProbs { get; init; } = [];
    }

    /// <summary>The generation ended as it should.</summary>
    /// <param name="Reason">Why.</param>
    /// <param name="CompletionTokens">Tokens generated, the end-of-turn token included (as the field counts).</param>
    /// <param name="StopString">The stop string that was met, if one was.</param>
    public sealed record Finished(FinishReason Reason, int CompletionTokens, string? StopString = null) : GenerationEvent
    {
        /// <summary>Of <see cref="GenerationRequest.PredictedTokens"/>, those that were verified and held.</summary>
        public int AcceptedPredictionTokens { get; init; }

        /// <summary>Of <see cref="GenerationRequest.PredictedTokens"/>, those that were verified in vain.</summary>
        public int RejectedPredictionTokens { get; init; }
    }

    /// <summary>The generation could not be finished; an expected failure, mapped to an error by the HTTP layer.</summary>
    /// <param name="Error">Which.</param>
    /// <param name="Message">One sentence for the user.</param>
    public sealed record Failed(GenerationError Error, string Message) : GenerationEvent;
}
