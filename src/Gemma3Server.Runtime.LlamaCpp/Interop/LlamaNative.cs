using System.Runtime.InteropServices;
using Gemma3Server.Runtime.LlamaCpp.Handles;

[assembly: System.Runtime.CompilerServices.DisableRuntimeMarshalling]

namespace Gemma3Server.Runtime.LlamaCpp.Interop;

/// <summary>
/// The entry points of <c>libllama</c> that are used (include/llama.h, v0.5.0). Calls on the engine's thread take raw pointers, whose owner
/// keeps the handle alive; calls on request threads take the <see cref="SafeHandle"/>, so that a late request cannot touch freed memory.
/// </summary>
internal static unsafe partial class LlamaNative
{
    public const string Library = "llama";

    [LibraryImport(Library)]
    public static partial byte* llama_version();

    [LibraryImport(Library)]
    public static partial void llama_log_set(delegate* unmanaged<GgmlLogLevel, byte*, void*, void> callback, void* data);

    [LibraryImport(Library)]
    public static partial void llama_backend_init();

    [LibraryImport(Library)]
    public static partial LlamaModelParams llama_model_default_params();

    [LibraryImport(Library)]
    public static partial LlamaContextParams llama_context_default_params();

    [LibraryImport(Library)]
    public static partial LlamaQuantizeParams llama_model_quantize_default_params();

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial uint llama_model_quantize(string input, string output, LlamaQuantizeParams* parameters);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial LlamaModelHandle llama_model_load_from_file(string path, LlamaModelParams parameters);

    [LibraryImport(Library)]
    public static partial void llama_model_free(nint model);

    [LibraryImport(Library)]
    public static partial LlamaContextHandle llama_init_from_model(LlamaModelHandle model, LlamaContextParams parameters);

    [LibraryImport(Library)]
    public static partial void llama_free(nint context);

    [LibraryImport(Library)]
    public static partial uint llama_n_ctx(nint context);

    [LibraryImport(Library)]
    public static partial uint llama_n_ctx_seq(nint context);

    [LibraryImport(Library)]
    public static partial uint llama_n_batch(nint context);

    [LibraryImport(Library)]
    public static partial uint llama_n_ubatch(nint context);

    [LibraryImport(Library)]
    public static partial uint llama_n_seq_max(nint context);

    [LibraryImport(Library)]
    public static partial nint llama_get_memory(nint context);

    [LibraryImport(Library)]
    public static partial nint llama_model_get_vocab(LlamaModelHandle model);

    [LibraryImport(Library)]
    public static partial int llama_model_n_ctx_train(LlamaModelHandle model);

    [LibraryImport(Library)]
    public static partial int llama_model_n_embd(LlamaModelHandle model);

    [LibraryImport(Library)]
    public static partial int llama_model_n_layer(LlamaModelHandle model);

    [LibraryImport(Library)]
    public static partial int llama_model_n_swa(LlamaModelHandle model);

    [LibraryImport(Library)]
    public static partial ulong llama_model_size(LlamaModelHandle model);

    [LibraryImport(Library)]
    public static partial ulong llama_model_n_params(LlamaModelHandle model);

    [LibraryImport(Library)]
    public static partial int llama_model_desc(LlamaModelHandle model, byte* buffer, nuint size);

    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)]
    public static partial int llama_model_meta_val_str(LlamaModelHandle model, string key, byte* buffer, nuint size);

    [LibraryImport(Library)]
    public static partial byte* llama_model_chat_template(LlamaModelHandle model, byte* name);

    [LibraryImport(Library)]
    public static partial int llama_vocab_n_tokens(nint vocabulary);

    [LibraryImport(Library)]
    public static partial int llama_vocab_bos(nint vocabulary);

    [LibraryImport(Library)]
    public static partial byte* llama_vocab_get_text(nint vocabulary, int token);

    [LibraryImport(Library)]
    public static partial LlamaTokenAttributes llama_vocab_get_attr(nint vocabulary, int token);

    [LibraryImport(Library)]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool llama_vocab_is_eog(nint vocabulary, int token);

    [LibraryImport(Library)]
    public static partial int llama_tokenize(
        nint vocabulary, byte* text, int length, int* tokens, int capacity,
        [MarshalAs(UnmanagedType.U1)] bool addSpecial, [MarshalAs(UnmanagedType.U1)] bool parseSpecial);

    [LibraryImport(Library)]
    public static partial int llama_token_to_piece(
        nint vocabulary, int token, byte* buffer, int length, int leftStrip, [MarshalAs(UnmanagedType.U1)] bool special);

    [LibraryImport(Library)]
    public static partial LlamaBatch llama_batch_init(int tokens, int embeddingLength, int maxSequences);

    [LibraryImport(Library)]
    public static partial void llama_batch_free(LlamaBatch batch);

    [LibraryImport(Library)]
    public static partial int llama_decode(nint context, LlamaBatch batch);

    [LibraryImport(Library)]
    public static partial void llama_set_causal_attn(nint context, [MarshalAs(UnmanagedType.U1)] bool causal);

    [LibraryImport(Library)]
    public static partial float* llama_get_logits_ith(nint context, int row);

    [LibraryImport(Library)]
    public static partial float* llama_get_embeddings_ith(nint context, int row);

    [LibraryImport(Library)]
    [return: MarshalAs(UnmanagedType.U1)]
    public static partial bool llama_memory_seq_rm(nint memory, int sequence, int from, int to);

    [LibraryImport(Library)]
    public static partial void llama_memory_seq_cp(nint memory, int source, int target, int from, int to);

    [LibraryImport(Library)]
    public static partial int llama_memory_seq_pos_min(nint memory, int sequence);

    [LibraryImport(Library)]
    public static partial int llama_memory_seq_pos_max(nint memory, int sequence);

    [LibraryImport(Library)]
    public static partial nuint llama_state_seq_get_size_ext(nint context, int sequence, LlamaStateFlags flags);

    [LibraryImport(Library)]
    public static partial nuint llama_state_seq_get_data_ext(nint context, byte* target, nuint size, int sequence, LlamaStateFlags flags);

    [LibraryImport(Library)]
    public static partial nuint llama_state_seq_set_data_ext(nint context, byte* source, nuint size, int sequence, LlamaStateFlags flags);
}
