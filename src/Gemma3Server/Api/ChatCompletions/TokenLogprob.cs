using System.Text.Json.Serialization;
using Gemma3Server.Engine.Sampling;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>How probable a token was.</summary>
/// <param name="Token">Its text; escaped bytes where it is a part of a character.</param>
/// <param name="Logprob">Natural logarithm of its probability; -9999 when the model rules it out.</param>
/// <param name="Bytes">Its UTF-8 bytes; null for a control token.</param>
internal record TokenLogprob(
    string Token,
    float Logprob,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] IReadOnlyList<int>? Bytes)
{
    /// <summary>What OpenAI writes for negative infinity, which JSON has no number for.</summary>
    private const float Never = -9999f;

    public static TokenLogprob Of(TokenLogProb logProb, TokenText texts)
    {
        var (text, bytes) = texts.Of(logProb.Token);
        return new(text, Math.Max(Never, logProb.LogProb), bytes);
    }
}
