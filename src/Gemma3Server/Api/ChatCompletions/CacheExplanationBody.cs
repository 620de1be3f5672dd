using Gemma3Server.Engine;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>An extension of the usage: what the prefix cache did for the request, and why no more.</summary>
/// <param name="ReusedTokens">Prompt tokens that were not computed; equal to <c>prompt_tokens_details.cached_tokens</c>.</param>
/// <param name="Source">Where they came from: <c>idle</c>, <c>fork</c>, <c>host</c> or <c>none</c>.</param>
/// <param name="DivergedAt">Prompt tokens that agree with the best prefix the server knows; the next one parts from it.</param>
/// <param name="Reason">
/// Why tokens before that were computed all the same: <c>never_seen</c>, <c>evicted</c>, <c>window_lost</c>, <c>too_short</c>,
/// <c>disabled</c> or <c>failed</c>; absent when all of them were reused.
/// </param>
internal sealed record CacheExplanationBody(int ReusedTokens, string Source, int DivergedAt, string? Reason)
{
    public static CacheExplanationBody? Of(CacheExplanation? explanation) => explanation is null
        ? null
        : new(explanation.ReusedTokens, Name(explanation.Source), explanation.DivergedAt, Name(explanation.Reason));

    private static string Name(CacheSource source) => source switch
    {
        CacheSource.None => "none",
        CacheSource.Idle => "idle",
        CacheSource.Fork => "fork",
        CacheSource.Host => "host",
        _ => throw new ArgumentOutOfRangeException(nameof(source), source, "Unknown cache source."),
    };

    private static string? Name(CacheMiss reason) => reason switch
    {
        CacheMiss.None => null,
        CacheMiss.NeverSeen => "never_seen",
        CacheMiss.Evicted => "evicted",
        CacheMiss.WindowLost => "window_lost",
        CacheMiss.TooShort => "too_short",
        CacheMiss.Disabled => "disabled",
        CacheMiss.Failed => "failed",
        _ => throw new ArgumentOutOfRangeException(nameof(reason), reason, "Unknown cache miss."),
    };
}
