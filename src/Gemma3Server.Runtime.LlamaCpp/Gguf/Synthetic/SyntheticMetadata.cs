namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

/// <summary>Writes the metadata that llama.cpp's converter writes for a Gemma 3 checkpoint, under the same keys.</summary>
internal static class SyntheticMetadata
{
    public static void Write(GgufWriter writer, GemmaShape shape, SyntheticVocabulary vocabulary)
    {
        writer.Add("general.architecture", "gemma3");
        writer.Add("general.type", "model");
        writer.Add("general.name", $"gemma-3-{shape.Name}-it-synthetic");
        writer.Add("general.basename", "gemma-3");
        writer.Add("general.finetune", "it-synthetic");
        writer.Add("general.size_label", shape.SizeLabel);
        writer.Add("general.description", "Random weights in the shape of Gemma 3: for tests and measurements, its text has no meaning.");

        GemmaMetadata.Write(
            writer, shape, vocabulary.Tokens, vocabulary.Scores, vocabulary.Types,
            shape.MatrixType == GgmlType.F16 ? GemmaMetadata.FileTypeMostlyF16 : GemmaMetadata.FileTypeMostlyQ4);
    }
}
