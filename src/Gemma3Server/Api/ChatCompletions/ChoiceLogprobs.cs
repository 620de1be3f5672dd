using System.Text.Json.Serialization;
using Gemma3Server.Engine.Sampling;

namespace Gemma3Server.Api.ChatCompletions;

/// <summary>How probable the tokens of an answer, or of what an event adds to it, were.</summary>
/// <param name="Content">Token by token.</param>
/// <param name="Refusal">Always null; present because clients expect it.</param>
internal sealed record ChoiceLogprobs(
    IReadOnlyList<ContentLogprob> Content,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] IReadOnlyList<ContentLogprob>? Refusal = null)
{
    public static ChoiceLogprobs Of(IEnumerable<TokenLogProbs> logProbs, TokenText texts) =>
        new([.. logProbs.Select(token => ContentLogprob.Of(token, texts))]);
}
