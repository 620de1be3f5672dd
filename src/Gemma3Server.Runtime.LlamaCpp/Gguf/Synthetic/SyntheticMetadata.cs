namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>Writes the metadata that llama.cpp's converter writes for a Gemma 3 checkpoint, under the same keys.</summary>
internal static class SyntheticMetadata
{
    private const uint FileTypeMostlyHalf = 1; // LLAMA_FTYPE_MOSTLY_F16
    private const uint FileTypeMostlyQ4 = 2; // LLAMA_FTYPE_MOSTLY_Q4_0
    private const uint QuantizationVersion = 2;
    private const float GlobalRopeBase = 1_000_000;
    private const float LocalRopeBase = 10_000;

    public static void Write(GgufWriter writer, GemmaShape shape, SyntheticVocabulary vocabulary)
    {
        writer.Add("general.architecture", "gemma3");
        writer.Add("general.type", "model");
        writer.Add("general.name", $"gemma-3-{shape.Name}-it-synthetic");
        writer.Add("general.basename", "gemma-3");
        writer.Add("general.finetune", "it-synthetic");
        writer.Add("general.size_label", shape.SizeLabel);
        writer.Add("general.description", "Random weights in the shape of Gemma 3: for tests and measurements, its text has no meaning.");

        writer.Add("gemma3.context_length", (uint)shape.ContextLength);
        writer.Add("gemma3.embedding_length", (uint)shape.EmbeddingLength);
        writer.Add("gemma3.block_count", (uint)shape.LayerCount);
        writer.Add("gemma3.feed_forward_length", (uint)shape.FeedForwardLength);
        writer.Add("gemma3.attention.head_count", (uint)shape.HeadCount);
        writer.Add("gemma3.attention.head_count_kv", (uint)shape.KeyValueHeadCount);
        writer.Add("gemma3.attention.key_length", (uint)shape.HeadLength);
        writer.Add("gemma3.attention.value_length", (uint)shape.HeadLength);
        writer.Add("gemma3.attention.layer_norm_rms_epsilon", 1e-6f);
        // No pattern key and no attention scale: llama.cpp knows both from the architecture (every sixth layer is global; 27B by its layers).
        writer.Add("gemma3.attention.sliding_window", (uint)shape.SlidingWindow);
        writer.Add("gemma3.rope.freq_base", GlobalRopeBase);
        writer.Add("gemma3.rope.freq_base_swa", LocalRopeBase);
        if (shape.RopeScalingFactor != 1)
        {
            writer.Add("gemma3.rope.scaling.type", "linear");
            writer.Add("gemma3.rope.scaling.factor", shape.RopeScalingFactor);
        }

        writer.Add("tokenizer.ggml.model", "llama");
        writer.Add("tokenizer.ggml.pre", "default");
        writer.Add("tokenizer.ggml.tokens", vocabulary.Tokens);
        writer.Add("tokenizer.ggml.scores", vocabulary.Scores);
        writer.Add("tokenizer.ggml.token_type", vocabulary.Types);
        writer.Add("tokenizer.ggml.bos_token_id", (uint)VocabularyLayout.BeginOfSequence);
        writer.Add("tokenizer.ggml.eos_token_id", (uint)VocabularyLayout.EndOfSequence);
        writer.Add("tokenizer.ggml.eot_token_id", (uint)VocabularyLayout.EndOfTurn);
        writer.Add("tokenizer.ggml.unknown_token_id", (uint)VocabularyLayout.Unknown);
        writer.Add("tokenizer.ggml.padding_token_id", (uint)VocabularyLayout.Pad);
        writer.Add("tokenizer.ggml.mask_token_id", (uint)VocabularyLayout.Mask);
        writer.Add("tokenizer.ggml.add_bos_token", true);
        writer.Add("tokenizer.ggml.add_eos_token", false);
        writer.Add("tokenizer.ggml.add_space_prefix", false);
        writer.Add("tokenizer.chat_template", GemmaChatTemplate.Jinja);

        writer.Add("general.quantization_version", QuantizationVersion);
        writer.Add("general.file_type", shape.MatrixType == GgmlType.F16 ? FileTypeMostlyHalf : FileTypeMostlyQ4);
    }
}
