using Gemma3Server.Engine;

namespace Gemma3Server.Api;

/// <summary>What the request log says about one request; filled while its generation runs, by the request's own thread only.</summary>
internal sealed class GenerationMeasurements(TimeProvider timeProvider)
{
    private readonly long _start = timeProvider.GetTimestamp();

    /// <summary>Those of the request that <paramref name="context"/> belongs to; set by <see cref="RequestLogMiddleware"/>.</summary>
    public static GenerationMeasurements Of(HttpContext context) =>
        context.Features.Get<GenerationMeasurements>() ?? throw new InvalidOperationException("The request log does not stand in the pipeline.");

    public TimeSpan Elapsed => timeProvider.GetElapsedTime(_start);

    /// <summary>Id of the generation (<c>chatcmpl-...</c>); null when the request started none.</summary>
    public string? GenerationId { get; set; }

    public int PromptTokens { get; private set; }

    public int CachedTokens { get; private set; }

    /// <summary>Where the cached tokens came from, and why there were no more.</summary>
    public CacheExplanation? Cache { get; private set; }

    public int CompletionTokens { get; private set; }

    /// <summary>From the start of the request to its first text.</summary>
    public TimeSpan? FirstToken { get; private set; }

    /// <summary>The finish reason, or how the generation ended without one.</summary>
    public string Outcome { get; set; } = "cancelled";

    public void Started(GenerationEvent.Started started)
    {
        PromptTokens = started.PromptTokens;
        CachedTokens = started.CachedTokens;
        Cache = started.Cache;
    }

    public void Generated(int tokens)
    {
        FirstToken ??= Elapsed;
        CompletionTokens = tokens;
    }
}
