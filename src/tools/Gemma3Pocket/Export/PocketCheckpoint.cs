using System.Globalization;
using System.Runtime.InteropServices;
using Gemma3Pocket.Curriculum;
using Gemma3Pocket.Model;
using Gemma3Server.Runtime.LlamaCpp.Gguf;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

namespace Gemma3Pocket.Export;

/// <summary>Writes a trained model as the GGUF file that the server loads.</summary>
internal static class PocketCheckpoint
{
    /// <summary>Writes it; the file appears under its name only when it is complete.</summary>
    /// <param name="path">Where it goes.</param>
    /// <param name="layout">Order of the weights.</param>
    /// <param name="weights">All weights in full precision.</param>
    /// <param name="vocabulary">Pieces of the tokenizer.</param>
    /// <param name="isQuantized">Matrices as Q4_0 and embeddings as Q8_0; else both as F16. Norms are F32.</param>
    /// <param name="isQuantizationAware">Whether it was trained for that; the name says so.</param>
    public static void Write(
        string path, WeightLayout layout, ReadOnlySpan<float> weights, PocketVocabulary vocabulary, bool isQuantized, bool isQuantizationAware)
    {
        path = Path.GetFullPath(path);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var unfinished = path + ".partial";
        using (var stream = File.Create(unfinished))
            WriteTo(stream, layout, weights, vocabulary, isQuantized, isQuantizationAware);
        File.Move(unfinished, path, overwrite: true);
    }

    private static void WriteTo(
        Stream stream, WeightLayout layout, ReadOnlySpan<float> weights, PocketVocabulary vocabulary, bool isQuantized, bool isQuantizationAware)
    {
        var writer = new GgufWriter(stream);
        var finetune = isQuantizationAware ? "it-qat" : "it";
        writer.Add("general.architecture", GemmaCheckpoint.Architecture);
        writer.Add("general.type", "model");
        writer.Add("general.name", $"gemma-3-{layout.Shape.Name}-{finetune}");
        writer.Add("general.basename", "gemma-3");
        writer.Add("general.finetune", finetune);
        writer.Add("general.size_label", string.Create(CultureInfo.InvariantCulture, $"{layout.Length / 1e6:F1}M"));
        writer.Add("general.description", "A pocket model in the architecture of Gemma 3, trained by Gemma3Server's own tool; none of Google's weights.");
        GemmaMetadata.Write(
            writer,
            layout.Shape,
            [.. vocabulary.Pieces.Select(piece => piece.Text)],
            [.. vocabulary.Pieces.Select(piece => piece.Score)],
            [.. vocabulary.Pieces.Select(piece => piece.Type)],
            isQuantized ? GemmaMetadata.FileTypeMostlyQ4 : GemmaMetadata.FileTypeMostlyF16);

        // In the file the embeddings come first, as the converter puts them.
        var slots = layout.Slots.OrderBy(slot => slot.Kind != WeightKind.Embedding).ToArray();
        foreach (var slot in slots)
        {
            if (slot.Kind == WeightKind.Norm)
                writer.AddTensor(slot.Name, GgmlType.F32, slot.Width);
            else
                writer.AddTensor(slot.Name, TypeOf(slot.Kind, isQuantized), slot.Width, slot.Height);
        }
        foreach (var slot in slots)
            writer.WriteTensorData(Encoded(weights.Slice(slot.Offset, slot.Length), TypeOf(slot.Kind, isQuantized)));
        writer.Complete();
    }

    private static GgmlType TypeOf(WeightKind kind, bool isQuantized) => kind switch
    {
        WeightKind.Norm => GgmlType.F32,
        WeightKind.Embedding => isQuantized ? GgmlType.Q8_0 : GgmlType.F16,
        _ => isQuantized ? GgmlType.Q4_0 : GgmlType.F16,
    };

    private static byte[] Encoded(ReadOnlySpan<float> weights, GgmlType type)
    {
        var bytes = new byte[type.ByteLength(weights.Length)];
        switch (type)
        {
            case GgmlType.Q4_0:
                Quantization.EncodeQ4(weights, bytes);
                break;
            case GgmlType.Q8_0:
                Quantization.EncodeQ8(weights, bytes);
                break;
            case GgmlType.F16:
                var halves = MemoryMarshal.Cast<byte, Half>(bytes.AsSpan());
                for (var i = 0; i < halves.Length; i++)
                    halves[i] = (Half)weights[i];
                break;
            default:
                // A norm: the model keeps its distance from 1, the file the factor.
                var factors = MemoryMarshal.Cast<byte, float>(bytes.AsSpan());
                for (var i = 0; i < factors.Length; i++)
                    factors[i] = 1 + weights[i];
                break;
        }
        return bytes;
    }
}
