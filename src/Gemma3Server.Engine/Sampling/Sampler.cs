using System.Numerics.Tensors;
using System.Runtime.CompilerServices;

namespace Gemma3Server.Engine.Sampling;

/// <summary>Chooses the next token of one sequence from its logits.</summary>
/// <remarks>
/// <para>Order: bias and penalties, top-k, top-p, min-p, temperature: llama.cpp's default chain (top_k, top_p, min_p, temp). Truncation
/// therefore looks at the untempered distribution, top-p at the one renormalised over the top-k survivors, and temperature only changes the
/// odds among the survivors.</para>
/// <para>The choice is a function of logits, parameters, seed and token index alone. Equal logits go to the lower token id.</para>
/// </remarks>
internal sealed class Sampler
{
    /// <summary>What <see cref="Sample"/> answers for a row without a finite largest logit.</summary>
    public const int NoToken = -1;

    /// <summary>Tokens whose weights are summed together when nothing truncates the vocabulary.</summary>
    private const int SumBlock = 1024;

    /// <summary>
    /// Survivors up to this number are drawn from in order of probability, so that a draw near a border moves to a like token when
    /// rounding moves the border. Sorting more would cost more than it is worth.
    /// </summary>
    private const int SortUpTo = 1024;

    private readonly SamplingParameters _parameters;
    private readonly LogitAdjustments? _adjustments;
    private readonly SeededGenerator _generator;
    private int _accepted;

    /// <summary>Creates the sampler of a sequence that starts from <paramref name="prompt"/>.</summary>
    public Sampler(SamplingParameters parameters, ReadOnlySpan<int> prompt)
    {
        _parameters = parameters;
        _adjustments = LogitAdjustments.Create(parameters, prompt);
        _generator = new(parameters.Seed ?? (ulong)Random.Shared.NextInt64());
    }

    /// <summary>Counts a generated token, chosen here or replayed.</summary>
    public void Accept(int token)
    {
        _accepted++;
        _adjustments?.Accept(token);
    }

    /// <summary>The next token, or <see cref="NoToken"/> when the row holds NaN, an infinite largest logit, or nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public int Sample(ReadOnlySpan<float> logits, SamplerScratch scratch)
    {
        if (logits.IsEmpty) return NoToken;
        if (_adjustments is not null)
        {
            var row = scratch.Row(logits.Length);
            logits.CopyTo(row);
            _adjustments.Apply(row);
            logits = row;
        }

        if (_parameters.Temperature <= 0f) return Greedy(logits);
        if (Truncates(logits.Length))
        {
            var maxima = new BlockMaxima(logits, scratch);
            return float.IsFinite(maxima.Max) ? Draw(Survivors(maxima, logits, scratch), maxima.Max, scratch) : NoToken;
        }

        var max = TensorPrimitives.Max(logits);
        return float.IsFinite(max) ? DrawFromAll(logits, max, scratch) : NoToken;
    }

    private bool HasTopK(int vocabulary) => _parameters.TopK > 0 && _parameters.TopK < vocabulary;

    private bool Truncates(int vocabulary) => HasTopK(vocabulary) || _parameters.TopP < 1f || _parameters.MinP > 0f;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Greedy(ReadOnlySpan<float> logits)
    {
        var max = TensorPrimitives.Max(logits);
        return float.IsFinite(max) ? logits.IndexOf(max) : NoToken;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Span<ulong> Survivors(BlockMaxima maxima, ReadOnlySpan<float> logits, SamplerScratch scratch)
    {
        // Min-p as a logit: p >= minP * pMax is l >= max + ln(minP). It cuts the same sorted list as top-p, so the order of both is free.
        var least = _parameters.MinP > 0f ? maxima.Max + MathF.Min(0f, MathF.Log(_parameters.MinP)) : float.NegativeInfinity;
        Span<ulong> keys;
        if (HasTopK(logits.Length))
        {
            keys = maxima.Largest(_parameters.TopK);
            if (_parameters.TopP < 1f)
            {
                var total = 0.0;
                foreach (var key in keys) total += KeySelection.Weight(key, maxima.Max);
                keys = keys[..KeySelection.LargestByWeight(keys, maxima.Max, _parameters.TopP * total)];
            }
        }
        else
        {
            keys = _parameters.TopP < 1f ? TopP(maxima, logits, scratch) : maxima.AtLeast(least);
        }

        var kept = 0;
        foreach (var key in keys)
        {
            if (LogitKey.Logit(key) >= least) keys[kept++] = key;
        }

        return keys[..kept];
    }

    /// <summary>Top-p over the whole vocabulary: looks at tokens near the maximum first, and at more only while they do not suffice.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private Span<ulong> TopP(BlockMaxima maxima, ReadOnlySpan<float> logits, SamplerScratch scratch)
    {
        var target = _parameters.TopP * SumWeights(logits, maxima.Max, 1f, scratch);
        for (var depth = 4f; ; depth = depth < 32f ? depth * 2f : float.PositiveInfinity)
        {
            var keys = maxima.AtLeast(maxima.Max - depth);
            var sum = 0.0;
            foreach (var key in keys) sum += KeySelection.Weight(key, maxima.Max);
            if (sum >= target || float.IsInfinity(depth)) return keys[..KeySelection.LargestByWeight(keys, maxima.Max, target)];
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int Draw(Span<ulong> keys, float max, SamplerScratch scratch)
    {
        if (keys.Length <= SortUpTo) KeySelection.SortDescending(keys);
        var weights = scratch.Weights(keys.Length);
        var total = 0.0;
        for (var i = 0; i < keys.Length; i++)
        {
            total += Math.Exp(((double)LogitKey.Logit(keys[i]) - max) / _parameters.Temperature);
            weights[i] = total;
        }

        var target = _generator.Uniform(_accepted) * total;
        for (var i = 0; i < keys.Length; i++)
        {
            if (target < weights[i]) return LogitKey.Token(keys[i]);
        }

        return LogitKey.Token(keys[0]);
    }

    /// <summary>Draws from the whole vocabulary: sums of blocks find the block, then its tokens are walked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private int DrawFromAll(ReadOnlySpan<float> logits, float max, SamplerScratch scratch)
    {
        var total = SumWeights(logits, max, _parameters.Temperature, scratch);
        var target = _generator.Uniform(_accepted) * total;
        var sums = scratch.Weights(BlockCount(logits));
        var block = 0;
        while (block < sums.Length - 1 && target >= sums[block]) target -= sums[block++];

        var last = NoToken;
        for (var token = block * SumBlock; token < Math.Min(logits.Length, (block + 1) * SumBlock); token++)
        {
            var weight = Math.Exp((double)((logits[token] - max) / _parameters.Temperature));
            if (weight > 0) last = token;
            target -= weight;
            if (target < 0) return token;
        }

        // Rounding left a crumb beyond the last token of the block.
        return last == NoToken ? logits.IndexOf(max) : last;
    }

    /// <summary>The sum of exp((l - max) / temperature); the sums of the blocks stay in the scratch's weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static double SumWeights(ReadOnlySpan<float> logits, float max, float temperature, SamplerScratch scratch)
    {
        Span<float> weights = stackalloc float[SumBlock];
        var sums = scratch.Weights(BlockCount(logits));
        var total = 0.0;
        for (var block = 0; block < sums.Length; block++)
        {
            var values = logits.Slice(block * SumBlock, Math.Min(SumBlock, logits.Length - (block * SumBlock)));
            var scaled = weights[..values.Length];
            TensorPrimitives.Subtract(values, max, scaled);
            if (temperature != 1f) TensorPrimitives.Divide(scaled, temperature, scaled);
            TensorPrimitives.Exp(scaled, scaled);
            sums[block] = TensorPrimitives.Sum<float>(scaled);
            total += sums[block];
        }

        return total;
    }

    private static int BlockCount(ReadOnlySpan<float> logits) => (logits.Length + SumBlock - 1) / SumBlock;
}
