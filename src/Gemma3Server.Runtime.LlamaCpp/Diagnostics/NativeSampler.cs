using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using Gemma3Server.Runtime.LlamaCpp.Handles;
using Gemma3Server.Runtime.LlamaCpp.Interop;
using Gemma3Server.Runtime.LlamaCpp.Loading;
using Microsoft.Extensions.Logging;

namespace Gemma3Server.Runtime.LlamaCpp.Diagnostics;

/// <summary>
/// A sampler chain of the native library over a row of logits: what a server that samples natively pays for a token. For measuring and
/// comparing only.
/// </summary>
/// <remarks>
/// As llama-server does, it lists every token of the vocabulary (12 bytes each) before each sample and applies the chain to the list. A chain
/// always ends with a sampler that selects, as the library would end the process otherwise. Not thread-safe.
/// </remarks>
[SuppressMessage("Reliability", "CA2216", Justification = "The finalizer of the handle frees the chain; the buffer is a measurement's.")]
public sealed unsafe class NativeSampler : IDisposable
{
    private readonly LlamaSamplerHandle _chain = LlamaSamplerNative.llama_sampler_chain_init(noPerformanceCounters: 1);
    private readonly LlamaTokenData* _candidates;
    private readonly int _vocabularySize;

    private NativeSampler(int vocabularySize, NativeSamplerOptions options)
    {
        _vocabularySize = vocabularySize;
        _candidates = (LlamaTokenData*)NativeMemory.Alloc((nuint)vocabularySize, (nuint)sizeof(LlamaTokenData));
        if (options.RepeatPenalty != 1f || options.FrequencyPenalty != 0f || options.PresencePenalty != 0f)
        {
            Add(LlamaSamplerNative.llama_sampler_init_penalties(
                vocabularySize, options.PenaltyTokens, options.RepeatPenalty, options.FrequencyPenalty, options.PresencePenalty));
        }

        if (options.Temperature <= 0f)
        {
            Add(LlamaSamplerNative.llama_sampler_init_greedy());
            return;
        }

        if (options.TopK > 0) Add(LlamaSamplerNative.llama_sampler_init_top_k(options.TopK));
        if (options.TypicalP < 1f) Add(LlamaSamplerNative.llama_sampler_init_typical(options.TypicalP, 1));
        if (options.TopP < 1f) Add(LlamaSamplerNative.llama_sampler_init_top_p(options.TopP, 1));
        if (options.MinP > 0f) Add(LlamaSamplerNative.llama_sampler_init_min_p(options.MinP, 1));
        Add(LlamaSamplerNative.llama_sampler_init_temp(options.Temperature));
        Add(LlamaSamplerNative.llama_sampler_init_dist(options.Seed));
    }

    /// <summary>Makes a chain for rows of <paramref name="vocabularySize"/> logits.</summary>
    /// <exception cref="ModelLoadException">The native library cannot be loaded.</exception>
    public static NativeSampler Create(int vocabularySize, NativeSamplerOptions options, ILoggerFactory loggers)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabularySize, 1);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(loggers);
        NativeLibraryLoader.Load(null, loggers);
        return new(vocabularySize, options);
    }

    /// <summary>Counts a token for the penalties.</summary>
    public void Accept(int token)
    {
        if ((uint)token >= (uint)_vocabularySize) throw new ArgumentOutOfRangeException(nameof(token));
        LlamaSamplerNative.llama_sampler_accept(_chain, token);
    }

    /// <summary>Lists the tokens and applies the chain; the token that it selects.</summary>
    public int Sample(ReadOnlySpan<float> logits)
    {
        List(logits);
        var array = new LlamaTokenDataArray { Data = _candidates, Size = (nuint)_vocabularySize, Selected = -1 };
        LlamaSamplerNative.llama_sampler_apply(_chain, &array);
        if (array.Selected < 0 || array.Selected >= (long)array.Size) throw new InvalidOperationException("The native chain selected no token.");
        return array.Data[array.Selected].Token;
    }

    /// <summary>Only lists the tokens: the part of <see cref="Sample"/> that is not the chain's.</summary>
    public void List(ReadOnlySpan<float> logits)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(logits.Length, _vocabularySize);
        var candidate = _candidates;
        for (var token = 0; token < logits.Length; token++) *candidate++ = new() { Token = token, Logit = logits[token] };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_chain.IsClosed) return;
        _chain.Dispose();
        NativeMemory.Free(_candidates);
    }

    private void Add(nint sampler) => LlamaSamplerNative.llama_sampler_chain_add(_chain, sampler);
}
