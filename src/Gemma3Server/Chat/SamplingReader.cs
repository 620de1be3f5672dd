using System.Globalization;
using Gemma3Server.Api;
using Gemma3Server.Api.Errors;
using Gemma3Server.Engine;
using Gemma3Server.Runtime;

namespace Gemma3Server.Chat;

/// <summary>Reads how tokens are to be chosen; what is not given has the Gemma team's default.</summary>
internal static class SamplingReader
{
    /// <summary>Each is added to the logits before each token, so that an unbounded number would slow down everybody.</summary>
    private const int MaxBiases = 1024;

    public static SamplingParameters Read(GenerationFields request, ITokenizer tokenizer, FieldChecks checks)
    {
        var defaults = new SamplingParameters();
        return new()
        {
            Temperature = checks.Float("temperature", request.Temperature, defaults.Temperature, 0, 2),
            // 0 is legal in the protocol and means the most probable token only; the smallest number above it says the same.
            TopP = Math.Max(float.Epsilon, checks.Float("top_p", request.TopP, defaults.TopP, 0, 1)),
            TopK = checks.Integer("top_k", request.TopK, defaults.TopK, 0),
            MinP = checks.Float("min_p", request.MinP, defaults.MinP, 0, 1),
            // As for top_p.
            TypicalP = Math.Max(float.Epsilon, checks.Float("typical_p", request.TypicalP, defaults.TypicalP, 0, 1)),
            PresencePenalty = checks.Float("presence_penalty", request.PresencePenalty, 0, -2, 2),
            FrequencyPenalty = checks.Float("frequency_penalty", request.FrequencyPenalty, 0, -2, 2),
            RepeatPenalty = checks.Float("repeat_penalty", request.RepeatPenalty, 1, 0.01, 10),
            LogitBias = ReadLogitBias(request.LogitBias, tokenizer, checks),
            Seed = request.Seed is { } seed ? unchecked((ulong)seed) : null,
        };
    }

    private static Dictionary<int, float>? ReadLogitBias(
        IReadOnlyDictionary<string, double>? biases, ITokenizer tokenizer, FieldChecks checks)
    {
        if (biases is null || biases.Count == 0) return null;
        if (biases.Count > MaxBiases)
        {
            checks.Fail("logit_bias", $"at most {MaxBiases} tokens", $"{biases.Count}");
            return null;
        }

        var read = new Dictionary<int, float>(biases.Count);
        foreach (var (key, bias) in biases)
        {
            var isToken = int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out var token) && token < tokenizer.VocabularySize;
            if (!isToken)
            {
                checks.Add(OpenAiError.OutOfRange("logit_bias",
                    $"The keys of 'logit_bias' must be token ids from 0 to {tokenizer.VocabularySize - 1}, but one is '{Excerpt.Of(key)}'."));
                break;
            }

            read[token] = checks.Float($"logit_bias.{key}", bias, 0, -100, 100);
        }

        return read;
    }
}
