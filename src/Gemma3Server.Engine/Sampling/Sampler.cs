using System.Runtime.CompilerServices;
using Gemma3Server.Engine.Structured;

namespace Gemma3Server.Engine.Sampling;

/// <summary>Chooses the next token of one sequence from its logits.</summary>
/// <remarks>
/// <para>Order: bias, penalties and tokens that must not come yet, the grammar's mask, top-k, typical-p, top-p, min-p, temperature: that of llama.cpp's default chain. Truncation therefore looks
/// at the untempered distribution, each at the one renormalised over the survivors of those before, and temperature only changes the odds
/// among the survivors.</para>
/// <para>The choice is a function of logits, parameters, seed and token index alone. Equal logits go to the lower token id.</para>
/// </remarks>
internal sealed class Sampler
{
    /// <summary>What <see cref="Sample"/> answers for a row without a finite largest logit.</summary>
    public const int NoToken = -1;

    /// <summary>A larger inverse of the temperature would make 0 times it no number; at this one only equal logits are equally likely.</summary>
    private const float MaxScale = 1e30f;

    private readonly SamplingParameters _parameters;
    private readonly LogitAdjustments? _adjustments;
    private readonly SeededGenerator _generator;
    private readonly int _minTokens;
    private readonly int[] _endTokens;
    private int _accepted;

    /// <summary>
    /// Creates the sampler of a sequence that starts from <paramref name="prompt"/>. None of <paramref name="endTokens"/> is chosen before
    /// <paramref name="minTokens"/> others.
    /// </summary>
    public Sampler(SamplingParameters parameters, ReadOnlySpan<int> prompt, int minTokens = 0, int[]? endTokens = null)
    {
        _parameters = parameters;
        _minTokens = minTokens;
        _endTokens = endTokens ?? [];
        _adjustments = LogitAdjustments.Create(parameters, prompt);
        _generator = new(parameters.Seed ?? (ulong)Random.Shared.NextInt64());
    }

    /// <summary>Where its tokens stand in the grammar that they have to follow, if there is one.</summary>
    public GrammarMatcher? Matcher { get; init; }

    /// <summary>Tokens counted so far, which is the index of the next one.</summary>
    public int Accepted => _accepted;

    /// <summary>Counts a generated token, chosen here or replayed.</summary>
    /// <exception cref="InvalidOperationException">It does not fit the grammar.</exception>
    public void Accept(int token)
    {
        if (Matcher is not null && !Matcher.TryAccept(token))
            throw new InvalidOperationException($"Token {token}, number {_accepted}, does not fit the grammar.");
        _accepted++;
        _adjustments?.Accept(token);
    }

    /// <summary>The next token, or <see cref="NoToken"/> when the row holds NaN, an infinite largest logit, or nothing.</summary>
    /// <param name="logits">The row.</param>
    /// <param name="scratch">Of the thread.</param>
    /// <param name="ahead">How many tokens are guessed to come before it: it is drawn as that later one, though penalties do not know them.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Sample(ReadOnlySpan<float> logits, SamplerScratch scratch, int ahead = 0)
    {
        if (logits.IsEmpty) return NoToken;
        var patches = scratch.Patches;
        patches.Begin(logits);
        _adjustments?.Apply(logits, patches);
        var index = _accepted + ahead;
        if (index < _minTokens) RuleOutEnd(logits, patches);
        var row = patches.Row(logits);

        var scale = Math.Min(1f / _parameters.Temperature, MaxScale);
        var hasTopK = _parameters.TopK > 0 && _parameters.TopK < logits.Length;
        if (Matcher is { } matcher)
        {
            if (_parameters.Temperature <= 0f) return First(AllowedTokens.Largest(row, matcher, 1, scratch));
            if (hasTopK) return FromTopK(AllowedTokens.Largest(row, matcher, _parameters.TopK, scratch), scale, index, scratch);
            row = AllowedTokens.Masked(row, matcher, scratch);
        }

        if (_parameters.Temperature > 0f && !hasTopK) return FullVocabulary.Sample(row, _parameters, scale, _generator, index, scratch);

        var maxima = BlockMaxima.Of(row, scratch);
        if (!maxima.IsUsable) return NoToken;
        return _parameters.Temperature > 0f ? FromTopK(maxima.Largest(_parameters.TopK), scale, index, scratch) : maxima.FirstOfMax();
    }

    private void RuleOutEnd(ReadOnlySpan<float> logits, LogitPatches patches)
    {
        foreach (var token in _endTokens)
        {
            if ((uint)token < (uint)logits.Length) patches.At(logits, token) = float.NegativeInfinity;
        }
    }

    private static int First(Span<ulong> keys) => keys.IsEmpty ? NoToken : LogitKey.Token(keys[0]);

    private int FromTopK(Span<ulong> keys, float scale, int index, SamplerScratch scratch)
    {
        if (keys.IsEmpty) return NoToken;
        var candidates = new Candidates(keys, scratch);
        if (_parameters.TypicalP < 1f) candidates.Typical(_parameters.TypicalP);
        if (_parameters.TopP < 1f) candidates.TopP(_parameters.TopP);
        if (_parameters.MinP > 0f) candidates.MinP(_parameters.MinP);
        return candidates.Draw(scale, _generator.Uniform(index), scratch);
    }
}
