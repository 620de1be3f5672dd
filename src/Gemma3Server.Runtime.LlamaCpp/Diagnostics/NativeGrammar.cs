using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;
using Gemma3Server.Runtime.LlamaCpp.Handles;
using Gemma3Server.Runtime.LlamaCpp.Interop;

namespace Gemma3Server.Runtime.LlamaCpp.Diagnostics;

/// <summary>
/// The native library's own grammar sampler: what a server that constrains natively pays for a token. For measuring and comparing only.
/// </summary>
/// <remarks>Not thread-safe. What would end the process is checked first: a token is accepted only when it is allowed.</remarks>
[SuppressMessage("Reliability", "CA2216", Justification = "The finalizer of the handle frees the sampler; the buffer is a measurement's.")]
public sealed unsafe class NativeGrammar : IDisposable
{
    /// <summary>A longer grammar could be nested deeply enough to overflow the library's stack.</summary>
    private const int MostCharacters = 20_000;

    private readonly LlamaCppRuntime _runtime;
    private readonly LlamaSamplerHandle _chain;
    private readonly LlamaTokenData* _candidates;
    private readonly int _vocabularySize;

    private NativeGrammar(LlamaCppRuntime runtime, nint sampler)
    {
        _runtime = runtime;
        _vocabularySize = runtime.Model.VocabularySize;
        _chain = LlamaSamplerNative.llama_sampler_chain_init(noPerformanceCounters: 1);
        LlamaSamplerNative.llama_sampler_chain_add(_chain, sampler);
        _candidates = (LlamaTokenData*)NativeMemory.Alloc((nuint)_vocabularySize, (nuint)sizeof(LlamaTokenData));
    }

    /// <summary>Compiles a GBNF grammar for the vocabulary of a loaded runtime, which must live longer.</summary>
    /// <exception cref="ArgumentException">The library does not take the grammar.</exception>
    public static NativeGrammar On(LlamaCppRuntime runtime, string grammar)
    {
        ArgumentNullException.ThrowIfNull(runtime);
        ArgumentNullException.ThrowIfNull(grammar);
        if (grammar.Length > MostCharacters) throw new ArgumentException("The grammar is too long to be safe.", nameof(grammar));
        nint sampler;
        fixed (byte* text = Encoding.UTF8.GetBytes(grammar + '\0'))
        fixed (byte* root = "root\0"u8)
            sampler = LlamaSamplerNative.llama_sampler_init_grammar(runtime.LoadedModel.Vocabulary, text, root);
        return sampler != 0 ? new(runtime, sampler) : throw new ArgumentException("The library does not take the grammar.", nameof(grammar));
    }

    /// <summary>Whether a token may follow: the check of a sampled token.</summary>
    public bool Allows(int token)
    {
        Check(token);
        var one = new LlamaTokenData { Token = token, Logit = 1 };
        Apply(&one, 1);
        return !float.IsNegativeInfinity(one.Logit);
    }

    /// <summary>Lists all tokens and rules out those that may not follow; the number of those that may.</summary>
    public int Mask(ReadOnlySpan<float> logits)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(logits.Length, _vocabularySize);
        for (var token = 0; token < logits.Length; token++) _candidates[token] = new() { Token = token, Logit = logits[token] };
        Apply(_candidates, _vocabularySize);
        var allowed = 0;
        for (var token = 0; token < logits.Length; token++)
        {
            if (!float.IsNegativeInfinity(_candidates[token].Logit)) allowed++;
        }

        return allowed;
    }

    /// <summary>Goes on behind a token.</summary>
    /// <exception cref="ArgumentException">It may not follow.</exception>
    public void Accept(int token)
    {
        if (!Allows(token)) throw new ArgumentException($"The grammar does not allow token {token}.", nameof(token));
        LlamaSamplerNative.llama_sampler_accept(_chain, token);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_chain.IsClosed) return;
        _chain.Dispose();
        NativeMemory.Free(_candidates);
        GC.KeepAlive(_runtime);
    }

    private void Apply(LlamaTokenData* tokens, int count)
    {
        var array = new LlamaTokenDataArray { Data = tokens, Size = (nuint)count, Selected = -1 };
        LlamaSamplerNative.llama_sampler_apply(_chain, &array);
    }

    private void Check(int token)
    {
        if ((uint)token >= (uint)_vocabularySize) throw new ArgumentOutOfRangeException(nameof(token));
    }
}
