using System.Globalization;

namespace Gemma3Server.Runtime.LlamaCpp.Gguf;

/// <summary>
/// Checks that a sound GGUF file is a Gemma 3 language model whose metadata llama.cpp can take. llama.cpp answers some of the mistakes
/// refused here with an assert, at load or at the first text it tokenizes, and an assert ends the process.
/// </summary>
public static class GemmaCheckpoint
{
    /// <summary>The architecture that this server runs.</summary>
    public const string Architecture = "gemma3";

    private const int MaxLayers = 512; // LLAMA_MAX_LAYERS
    private const int MaxLength = 1 << 24;

    /// <summary>Checks a file that <see cref="GgufFile.Open(string)"/> has read.</summary>
    /// <exception cref="GgufException">It is not such a model; the message names the key, the bound and the value.</exception>
    public static void Validate(GgufFile file)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (file.Architecture == "clip")
            throw Error(file, "it is an image projector (mmproj); give the language model here");
        if (file.Architecture != Architecture)
            throw Error(file, $"its architecture is '{file.Architecture}', and this server runs '{Architecture}'");
        if (file.Split is { Index: not 0 } split)
            throw Error(file, $"it is part {split.Index + 1} of {split.Count}; give the first part");
        if (file.Tensors.Count == 0)
            throw Error(file, "it holds no tensors (a vocabulary only?)");
        ValidateDimensions(file);
        ValidateVocabulary(file);
    }

    private static void ValidateDimensions(GgufFile file)
    {
        Number(file, "block_count", MaxLayers);
        Number(file, "context_length", MaxLength);
        Number(file, "embedding_length", MaxLength);
        Number(file, "feed_forward_length", MaxLength);
        var heads = Number(file, "attention.head_count", MaxLength);
        // llama.cpp takes the number of heads where this one is absent.
        if (file.Metadata.ContainsKey($"{Architecture}.attention.head_count_kv"))
        {
            var shared = Number(file, "attention.head_count_kv", heads);
            if (heads % shared != 0)
                throw Error(file, $"{Architecture}.attention.head_count {heads} is not a multiple of head_count_kv {shared}");
        }
        foreach (var key in (ReadOnlySpan<string>)["attention.key_length", "attention.value_length"])
        {
            if (file.Metadata.ContainsKey($"{Architecture}.{key}"))
                Number(file, key, MaxLength);
        }
        foreach (var key in (ReadOnlySpan<string>)["expert_count", "expert_used_count", "expert_group_count", "nextn_predict_layers"])
        {
            if (file.Metadata.GetValueOrDefault($"{Architecture}.{key}") is { } value && value.AsInteger() != 0)
                throw Error(file, $"{Architecture}.{key} is {value}, and Gemma 3 has none");
        }
        if (file.Metadata.GetValueOrDefault($"{Architecture}.rope.scaling.type") is { } scaling
            && scaling.AsText() is not ("none" or "linear" or "yarn" or "longrope"))
            throw Error(file, $"{Architecture}.rope.scaling.type is not none, linear, yarn or longrope");
    }

    private static void ValidateVocabulary(GgufFile file)
    {
        // Gemma 3 has one kind of tokenizer, and the library asserts on each token it is asked for where a file has none ("none", "no_vocab").
        if (file.GetText("tokenizer.ggml.model") is not "llama" and var model)
            throw Error(file, $"tokenizer.ggml.model is {(model is null ? "missing" : $"'{model}'")}, and Gemma 3's is 'llama'");
        var tokens = file.ReadTexts("tokenizer.ggml.tokens") ?? throw Error(file, "tokenizer.ggml.tokens is not an array of texts");
        var known = new HashSet<string>(tokens.Length, StringComparer.Ordinal);
        for (var id = 0; id < tokens.Length; id++)
        {
            // llama.cpp gives every empty token a name of its own.
            if (tokens[id].Length != 0 && !known.Add(tokens[id]))
                throw Error(file, $"token {id} in tokenizer.ggml.tokens repeats an earlier one");
        }
        foreach (var key in (ReadOnlySpan<string>)["tokenizer.ggml.scores", "tokenizer.ggml.token_type"])
        {
            if (file.Metadata.GetValueOrDefault(key) is { } value && (!value.IsArray || value.Count < tokens.Length))
                throw Error(file, $"{key} has {value.Count} values for {tokens.Length} tokens");
        }
        ValidateShape(file, "token_embd.weight", tokens.Length);
        ValidateShape(file, "output.weight", tokens.Length);
        ValidateShape(file, "output_norm.weight", null);
        for (var value = 0; value < 256; value++)
        {
            var piece = string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>");
            if (!known.Contains(piece))
                throw Error(file, $"tokenizer.ggml.tokens lacks the byte token {piece}");
        }
    }

    /// <summary>A tensor of the embedding length and, if it has one, of <paramref name="height"/> rows; a part of a split file may lack it.</summary>
    private static void ValidateShape(GgufFile file, string name, int? height)
    {
        if (file.Tensors.FirstOrDefault(tensor => tensor.Name == name) is not { } tensor)
            return;
        var width = Number(file, "embedding_length", MaxLength);
        var lengths = tensor.Dimensions;
        if (lengths[0] != width || lengths.Skip(1).Aggregate(1L, (rows, length) => rows * length) != (height ?? 1))
            throw Error(file, $"tensor {name} is {string.Join(" x ", lengths)}, and the metadata asks for {width}{(height is null ? "" : $" x {height}")}");
    }

    private static long Number(GgufFile file, string key, long most)
    {
        key = $"{Architecture}.{key}";
        if (!file.Metadata.TryGetValue(key, out var value))
            throw Error(file, $"{key} is missing");
        return value.AsInteger() is { } number && number >= 1 && number <= most
            ? number
            : throw Error(file, $"{key} must be 1 to {most}");
    }

    private static GgufException Error(GgufFile file, string problem) => new($"'{file.Path}' cannot be served: {problem}.");
}
