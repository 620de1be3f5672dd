using System.Runtime.InteropServices;

namespace Gemma3Server.Engine.Sampling;

/// <summary>
/// Logit bias and penalties of one sequence, in llama.cpp's order: bias, then the repeat penalty over prompt and completion, then frequency
/// and presence penalties over the completion alone, as OpenAI counts them. Only tokens that occur are touched.
/// </summary>
internal sealed class LogitAdjustments
{
    private readonly SamplingParameters _parameters;
    private readonly KeyValuePair<int, float>[] _bias;

    // Token to times generated; 0 for tokens of the prompt only.
    private readonly Dictionary<int, int> _counts = [];

    private LogitAdjustments(SamplingParameters parameters, ReadOnlySpan<int> prompt)
    {
        _parameters = parameters;
        _bias = parameters.LogitBias is null ? [] : [.. parameters.LogitBias];
        if (!HasRepeatPenalty(parameters)) return;
        foreach (var token in prompt) _counts.TryAdd(token, 0);
    }

    /// <summary>The adjustments that the parameters ask for, or <see langword="null"/> when they leave the logits as they are.</summary>
    public static LogitAdjustments? Create(SamplingParameters parameters, ReadOnlySpan<int> prompt) =>
        HasPenalties(parameters) || parameters.LogitBias is { Count: > 0 } ? new(parameters, prompt) : null;

    /// <summary>Counts a generated token.</summary>
    public void Accept(int token)
    {
        if (!HasPenalties(_parameters)) return;
        CollectionsMarshal.GetValueRefOrAddDefault(_counts, token, out _)++;
    }

    /// <summary>Changes the logits through <paramref name="patches"/>. Token ids outside the vocabulary are ignored.</summary>
    public void Apply(ReadOnlySpan<float> logits, LogitPatches patches)
    {
        foreach (var (token, bias) in _bias)
        {
            if ((uint)token < (uint)logits.Length) patches.At(logits, token) += bias;
        }

        if (!HasPenalties(_parameters)) return;
        foreach (var (token, count) in _counts)
        {
            if ((uint)token >= (uint)logits.Length) continue;
            ref var logit = ref patches.At(logits, token);
            logit = logit > 0 ? logit / _parameters.RepeatPenalty : logit * _parameters.RepeatPenalty;
            if (count > 0) logit -= (count * _parameters.FrequencyPenalty) + _parameters.PresencePenalty;
        }
    }

    private static bool HasRepeatPenalty(SamplingParameters parameters) => parameters.RepeatPenalty != 1f;

    private static bool HasPenalties(SamplingParameters parameters) =>
        HasRepeatPenalty(parameters) || parameters.FrequencyPenalty != 0f || parameters.PresencePenalty != 0f;
}
