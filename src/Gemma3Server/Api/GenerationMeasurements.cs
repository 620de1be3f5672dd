using Gemma3Server.Api.ChatCompletions;
using Gemma3Server.Engine;

namespace Gemma3Server.Api;

/// <summary>What the request log says about one request; filled while its generation runs, by the request's own thread only.</summary>
internal sealed class GenerationMeasurements(TimeProvider timeProvider)
{
    private readonly long _start = timeProvider.GetTimestamp();
    private readonly List<int> _completionTokens = [];
    private bool _started;

    /// <summary>Those of the request that <paramref name="context"/> belongs to; set by <see cref="RequestLogMiddleware"/>.</summary>
    public static GenerationMeasurements Of(HttpContext context) =>
        context.Features.Get<GenerationMeasurements>() ?? throw new InvalidOperationException("The request log does not stand in the pipeline.");

    public TimeSpan Elapsed => timeProvider.GetElapsedTime(_start);

    /// <summary>Id of the generation (<c>chatcmpl-...</c>); null when the request started none.</summary>
    public string? GenerationId { get; set; }

    /// <summary>Id of the model that answers; null when the request came to none.</summary>
    public string? Model { get; set; }

    public int PromptTokens { get; private set; }

    /// <summary>Prompt tokens that were not computed for this request; with several answers, those that not even the first one computed.</summary>
    public int CachedTokens { get; private set; }

    /// <summary>Where the cached tokens came from, and why there were no more.</summary>
    public CacheExplanation? Cache { get; private set; }

    /// <summary>Tokens of all answers together.</summary>
    public int CompletionTokens => _completionTokens.Sum();

    public int AcceptedPredictionTokens { get; private set; }

    public int RejectedPredictionTokens { get; private set; }

    /// <summary>From the start of the request to its first text.</summary>
    public TimeSpan? FirstToken { get; private set; }

    /// <summary>The finish reason, or how the generation ended without one.</summary>
    public string Outcome { get; set; } = "cancelled";

    public void Started(GenerationEvent.Started started)
    {
        PromptTokens = started.PromptTokens;
        if (_started && started.CachedTokens >= CachedTokens) return; // what another answer to the same prompt has computed
        _started = true;
        CachedTokens = started.CachedTokens;
        Cache = started.Cache;
    }

    /// <param name="tokens">Tokens that an answer has by now.</param>
    /// <param name="index">Which answer, where there are several.</param>
    public void Generated(int tokens, int index = 0)
    {
        FirstToken ??= Elapsed;
        while (_completionTokens.Count <= index) _completionTokens.Add(0);
        _completionTokens[index] = tokens;
    }

    /// <param name="finished">How an answer ended.</param>
    /// <param name="index">Which answer, where there are several.</param>
    public void Finished(GenerationEvent.Finished finished, int index = 0)
    {
        Generated(finished.CompletionTokens, index);
        AcceptedPredictionTokens += finished.AcceptedPredictionTokens;
        RejectedPredictionTokens += finished.RejectedPredictionTokens;
        Outcome = finished.Reason.ToWireName();
    }

    public void Failed(GenerationEvent.Failed failed) => Outcome = failed.Error.ToString();
}
