using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

namespace Gemma3Server.Runtime.ConformanceTests.Gguf;

public sealed class GemmaCheckpointTests
{
    [Fact]
    public void Validate_SmallestGoodFile_Passes() => GemmaCheckpoint.Validate(Checkpoint());

    [Theory]
    [InlineData("general.architecture", "llama", "its architecture is 'llama'")]
    [InlineData("general.architecture", "clip", "image projector")]
    [InlineData("split.no", 1u, "part 2 of 3")]
    [InlineData("gemma3.block_count", 0u, "gemma3.block_count must be 1 to 512")]
    [InlineData("gemma3.block_count", 513u, "gemma3.block_count must be 1 to 512")]
    [InlineData("gemma3.block_count", null, "gemma3.block_count is missing")]
    [InlineData("gemma3.embedding_length", "640", "gemma3.embedding_length must be")]
    [InlineData("gemma3.attention.head_count_kv", 3u, "not a multiple of head_count_kv 3")]
    [InlineData("gemma3.attention.head_count_kv", 0u, "gemma3.attention.head_count_kv must be 1 to 4")]
    [InlineData("gemma3.attention.key_length", 0u, "gemma3.attention.key_length must be")]
    [InlineData("gemma3.expert_count", 4u, "gemma3.expert_count is 4")]
    [InlineData("gemma3.rope.scaling.type", "cubic", "rope.scaling.type is not none")]
    [InlineData("tokenizer.ggml.tokens", null, "tokenizer.ggml.tokens is not an array")]
    [InlineData("tokenizer.ggml.model", "none", "tokenizer.ggml.model is 'none'")]
    [InlineData("tokenizer.ggml.model", "no_vocab", "tokenizer.ggml.model is 'no_vocab'")]
    [InlineData("tokenizer.ggml.model", "gpt2", "tokenizer.ggml.model is 'gpt2'")]
    [InlineData("tokenizer.ggml.model", null, "tokenizer.ggml.model is missing")]
    [InlineData("tokenizer.ggml.model", 1u, "tokenizer.ggml.model is missing")]
    [InlineData("gemma3.embedding_length", 64u, "tensor token_embd.weight is 128 x 2048, and the metadata asks for 64 x 2048")]
    [InlineData("tokenizer.ggml.scores", 1f, "tokenizer.ggml.scores has 1 values for 2048 tokens")]
    public void Validate_BadMetadata_NamesTheKeyAndTheBound(string key, object? value, string expected)
    {
        var file = Checkpoint((key, value));

        Assert.Contains(expected, Assert.Throws<GgufException>(() => GemmaCheckpoint.Validate(file)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(300, "<0xFF>", "token 493 in tokenizer.ggml.tokens repeats")]
    [InlineData(300, "x-byte", "lacks the byte token <0x3E>")]
    public void Validate_BadTokens_AreRefusedBeforeTheNativeLibraryAsserts(int id, string text, string expected)
    {
        var tokens = SyntheticVocabulary.Create(2048).Tokens.ToArray();
        tokens[id] = text;
        var file = Checkpoint(("tokenizer.ggml.tokens", tokens));

        Assert.Contains(expected, Assert.Throws<GgufException>(() => GemmaCheckpoint.Validate(file)).Message, StringComparison.Ordinal);
    }

    private static GgufFile Checkpoint(params (string Key, object? Value)[] changes)
    {
        var vocabulary = SyntheticVocabulary.Create(2048);
        var metadata = new Dictionary<string, object?>
        {
            ["general.architecture"] = "gemma3",
            ["split.no"] = 0u,
            ["split.count"] = 3u,
            ["gemma3.block_count"] = 6u,
            ["gemma3.context_length"] = 8192u,
            ["gemma3.embedding_length"] = 128u,
            ["gemma3.feed_forward_length"] = 512u,
            ["gemma3.attention.head_count"] = 4u,
            ["gemma3.attention.head_count_kv"] = 2u,
            ["tokenizer.ggml.model"] = "llama",
            ["tokenizer.ggml.tokens"] = vocabulary.Tokens.ToArray(),
            ["tokenizer.ggml.scores"] = vocabulary.Scores.ToArray(),
        };
        foreach (var (key, value) in changes)
            metadata[key] = value;

        using var stream = new MemoryStream();
        var writer = new GgufWriter(stream);
        foreach (var (key, value) in metadata)
            Add(writer, key, value);
        writer.AddTensor("token_embd.weight", GgmlType.F16, 128, 2048);
        writer.AddTensor("output_norm.weight", GgmlType.F32, 128);
        writer.WriteTensorData(new byte[128 * 2048 * 2]);
        writer.WriteTensorData(new byte[128 * 4]);
        writer.Complete();
        return GgufBytes.Open(stream.ToArray());
    }

    private static void Add(GgufWriter writer, string key, object? value)
    {
        switch (value)
        {
            case string text:
                writer.Add(key, text);
                break;
            case uint number:
                writer.Add(key, number);
                break;
            case float number:
                writer.Add(key, number);
                break;
            case string[] texts:
                writer.Add(key, texts);
                break;
            case float[] numbers:
                writer.Add(key, numbers.AsSpan());
                break;
        }
    }
}
