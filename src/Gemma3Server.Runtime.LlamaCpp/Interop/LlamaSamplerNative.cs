using System.Runtime.InteropServices;
using Gemma3Server.Runtime.LlamaCpp.Handles;

namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary>
/// The samplers of <c>libllama</c> (include/llama.h, v0.5.0), which the server does not use: they are what its own is measured against.
/// A sampler that is added to a chain belongs to the chain.
/// </summary>
internal static unsafe partial class LlamaSamplerNative
{
    private const string Library = LlamaNative.Library;

    /// <summary>The parameter is <c>llama_sampler_chain_params</c>, a structure of one bool: whether performance is not to be counted.</summary>
    [LibraryImport(Library)]
    public static partial LlamaSamplerHandle llama_sampler_chain_init(byte noPerformanceCounters);

    [LibraryImport(Library)]
    public static partial void llama_sampler_chain_add(LlamaSamplerHandle chain, nint sampler);

    [LibraryImport(Library)]
    public static partial void llama_sampler_free(nint sampler);

    [LibraryImport(Library)]
    public static partial void llama_sampler_accept(LlamaSamplerHandle sampler, int token);

    [LibraryImport(Library)]
    public static partial void llama_sampler_apply(LlamaSamplerHandle sampler, LlamaTokenDataArray* candidates);

    [LibraryImport(Library)]
    public static partial nint llama_sampler_init_greedy();

    [LibraryImport(Library)]
    public static partial nint llama_sampler_init_dist(uint seed);

    [LibraryImport(Library)]
    public static partial nint llama_sampler_init_top_k(int k);

    [LibraryImport(Library)]
    public static partial nint llama_sampler_init_typical(float p, nuint minKeep);

    [LibraryImport(Library)]
    public static partial nint llama_sampler_init_top_p(float p, nuint minKeep);

    [LibraryImport(Library)]
    public static partial nint llama_sampler_init_min_p(float p, nuint minKeep);

    [LibraryImport(Library)]
    public static partial nint llama_sampler_init_temp(float temperature);

    /// <summary>Null when the grammar is not valid.</summary>
    [LibraryImport(Library)]
    public static partial nint llama_sampler_init_grammar(nint vocabulary, byte* grammar, byte* root);

    [LibraryImport(Library)]
    public static partial nint llama_sampler_init_penalties(int vocabularySize, int lastTokens, float repeat, float frequency, float presence);
}
