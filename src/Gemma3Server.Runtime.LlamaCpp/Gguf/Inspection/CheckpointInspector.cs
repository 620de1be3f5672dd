using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Inspection;

/// <summary>Reads what a checkpoint tells about itself. Nothing of it reaches the native library.</summary>
public static class CheckpointInspector
{
    private static readonly string[] ShapeKeys =
    [
        "context_length", "embedding_length", "block_count", "feed_forward_length", "attention.head_count", "attention.head_count_kv",
        "attention.key_length", "attention.value_length", "attention.sliding_window", "rope.freq_base", "rope.scaling.type", "rope.scaling.factor",
    ];

    private static readonly string[] SpecialTokenRoles = ["bos", "eos", "eot", "unknown", "padding", "mask"];

    /// <summary>Inspects a checkpoint, all of its files.</summary>
    /// <param name="path">The file, or any part of a split one.</param>
    /// <exception cref="GgufException">A file is missing, unreadable, damaged, truncated, or no GGUF; one line that says which and where.</exception>
    public static CheckpointInspection Inspect(string path) => Inspect(GgufShards.Open(path));

    internal static CheckpointInspection Inspect(IReadOnlyList<GgufFile> files)
    {
        var first = files[0];
        var tensors = files.SelectMany(file => file.Tensors).ToList();
        var architecture = first.Architecture ?? "unknown";
        return new()
        {
            Files = [.. files.Select(file => file.Path)],
            FileBytes = files.Sum(file => file.Length),
            Architecture = architecture,
            Name = first.GetText("general.name"),
            Refusal = Refusal(first),
            PublishedShape = PublishedShape(first),
            Shape = ShapeKeys
                .Where(key => first.Metadata.ContainsKey($"{architecture}.{key}"))
                .ToDictionary(key => key, key => first.Metadata[$"{architecture}.{key}"].ToString()),
            Weights = tensors.Sum(tensor => tensor.ElementCount),
            TensorBytes = tensors.Sum(tensor => tensor.ByteLength),
            ByType = Shares(tensors, tensor => tensor.Type.ToString()),
            ByRole = Shares(tensors, tensor => RoleOf(tensor.Name).ToString()),
            Tokenizer = first.GetText("tokenizer.ggml.model"),
            VocabularySize = first.Metadata.GetValueOrDefault("tokenizer.ggml.tokens") is { IsArray: true } tokens ? tokens.Count : 0,
            SpecialTokens = SpecialTokenRoles
                .Where(role => first.GetInteger($"tokenizer.ggml.{role}_token_id") is not null)
                .ToDictionary(role => role, role => first.GetInteger($"tokenizer.ggml.{role}_token_id")!.Value),
            ChatTemplateLength = first.GetText("tokenizer.chat_template")?.Length ?? 0,
            Findings = architecture == GemmaCheckpoint.Architecture ? CheckpointDoctor.Examine(first, tensors) : [],
        };
    }

    /// <summary>What a tensor is for, by the name that llama.cpp's converter gives it.</summary>
    public static TensorRole RoleOf(string name) => name switch
    {
        "token_embd.weight" => TensorRole.TokenEmbeddings,
        "output.weight" => TensorRole.Output,
        _ when name.Contains("norm", StringComparison.Ordinal) => TensorRole.Norms,
        _ when name.Contains(".attn_", StringComparison.Ordinal) => TensorRole.Attention,
        _ when name.Contains(".ffn_", StringComparison.Ordinal) => TensorRole.FeedForward,
        _ => TensorRole.Other,
    };

    private static string? Refusal(GgufFile file)
    {
        try
        {
            GemmaCheckpoint.Validate(file);
            return null;
        }
        catch (GgufException error)
        {
            return error.Message;
        }
    }

    private static string? PublishedShape(GgufFile file) => GemmaShape.Names.FirstOrDefault(name =>
        GemmaShape.TryGet(name, out var shape)
        && file.GetInteger("gemma3.block_count") == shape.LayerCount
        && file.GetInteger("gemma3.embedding_length") == shape.EmbeddingLength
        && file.GetInteger("gemma3.feed_forward_length") == shape.FeedForwardLength);

    private static List<StorageShare> Shares(List<GgufTensor> tensors, Func<GgufTensor, string> key) =>
    [
        .. tensors.GroupBy(key)
            .Select(group => new StorageShare(group.Key, group.Count(), group.Sum(tensor => tensor.ElementCount), group.Sum(tensor => tensor.ByteLength)))
            .OrderByDescending(share => share.Bytes)
            .ThenBy(share => share.Name, StringComparer.Ordinal),
    ];
}
