using System.Text.Json.Serialization;
using Gemma3Server.Engine.Sampling;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>How probable a token of the answer was, and what else might have stood there.</summary>
/// <param name="Token">Its text; escaped bytes where it is a part of a character.</param>
/// <param name="Logprob">Natural logarithm of its probability; -9999 when the model rules it out.</param>
/// <param name="Bytes">Its UTF-8 bytes; null for a control token.</param>
/// <param name="TopLogprobs">The most probable tokens, the most probable first.</param>
internal sealed record ContentLogprob(
    string Token,
    float Logprob,
    IReadOnlyList<int>? Bytes,
    [property: JsonPropertyOrder(1)] IReadOnlyList<TokenLogprob> TopLogprobs) : TokenLogprob(Token, Logprob, Bytes)
{
    public static ContentLogprob Of(TokenLogProbs logProbs, TokenText texts)
    {
        var (token, logprob, bytes) = TokenLogprob.Of(new TokenLogProb(logProbs.Token, logProbs.LogProb), texts);
        return new(token, logprob, bytes, [.. logProbs.Top.Select(top => TokenLogprob.Of(top, texts))]);
    }
}
