using Gemma3Pocket.Curriculum;
using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

namespace Gemma3Server.Runtime.ConformanceTests.Support;

/// <summary>A checkpoint with the pocket model's vocabulary and weights of zero: enough for its tokenizer.</summary>
internal static class PocketCheckpoint
{
    public static void Write(string path, PocketVocabulary vocabulary)
    {
        var shape = GemmaShape.Tiny with { VocabularySize = vocabulary.Count };
        using var stream = File.Create(path);
        var writer = new GgufWriter(stream);
        writer.Add("general.architecture", "gemma3");
        writer.Add("gemma3.context_length", (uint)shape.ContextLength);
        writer.Add("gemma3.embedding_length", (uint)shape.EmbeddingLength);
        writer.Add("gemma3.block_count", (uint)shape.LayerCount);
        writer.Add("gemma3.feed_forward_length", (uint)shape.FeedForwardLength);
        writer.Add("gemma3.attention.head_count", (uint)shape.HeadCount);
        writer.Add("gemma3.attention.head_count_kv", (uint)shape.KeyValueHeadCount);
        writer.Add("gemma3.attention.key_length", (uint)shape.HeadLength);
        writer.Add("gemma3.attention.value_length", (uint)shape.HeadLength);
        writer.Add("gemma3.attention.layer_norm_rms_epsilon", 1e-6f);
        writer.Add("gemma3.attention.sliding_window", (uint)shape.SlidingWindow);
        writer.Add("gemma3.rope.freq_base", 1_000_000f);
        writer.Add("tokenizer.ggml.model", "llama");
        writer.Add("tokenizer.ggml.pre", "default");
        writer.Add("tokenizer.ggml.tokens", [.. vocabulary.Pieces.Select(piece => piece.Text)]);
        writer.Add("tokenizer.ggml.scores", [.. vocabulary.Pieces.Select(piece => piece.Score)]);
        writer.Add("tokenizer.ggml.token_type", [.. vocabulary.Pieces.Select(piece => piece.Type)]);
        writer.Add("tokenizer.ggml.bos_token_id", (uint)PocketVocabulary.BeginOfSequence);
        writer.Add("tokenizer.ggml.eos_token_id", (uint)PocketVocabulary.EndOfSequence);
        writer.Add("tokenizer.ggml.eot_token_id", (uint)PocketVocabulary.EndOfTurn);
        writer.Add("tokenizer.ggml.unknown_token_id", (uint)PocketVocabulary.Unknown);
        writer.Add("tokenizer.ggml.padding_token_id", (uint)PocketVocabulary.Pad);
        writer.Add("tokenizer.ggml.add_bos_token", true);
        writer.Add("tokenizer.ggml.add_space_prefix", false);

        // The layout only says which rows are quiet, and these have no weights.
        var tensors = SyntheticTensor.Of(shape, VocabularyLayout.Of(VocabularyLayout.Published)).ToArray();
        foreach (var tensor in tensors)
        {
            if (tensor.Height == 0)
                writer.AddTensor(tensor.Name, tensor.Type, tensor.Width);
            else
                writer.AddTensor(tensor.Name, tensor.Type, tensor.Width, tensor.Height);
        }

        foreach (var tensor in tensors)
            writer.WriteTensorData(new byte[tensor.ByteLength]);
        writer.Complete();
    }
}
