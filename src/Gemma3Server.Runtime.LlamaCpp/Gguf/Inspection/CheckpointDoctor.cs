using System.Globalization;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Synthetic;

namespace Gemma3Server.Runtime.LlamaCpp.Gguf.Inspection;

/// <summary>
/// Knows what published Gemma 3 QAT files suffer from: token embeddings in 16 bits (Google's own files: 0.9 GB too much for 4B), control
/// tokens marked as text (the same), no end of turn, no projector.
/// </summary>
internal static class CheckpointDoctor
{
    /// <summary>Widths of the sizes that see images: 4B, 12B and 27B.</summary>
    private static readonly long[] VisionWidths = [2560, 3840, 5376];

    /// <summary>Pieces that must be control tokens, and the types that do.</summary>
    private static readonly (string Piece, TokenType Type)[] Controls =
    [
        ("<pad>", TokenType.Control), ("<eos>", TokenType.Control), ("<bos>", TokenType.Control), ("<unk>", TokenType.Unknown),
        ("<start_of_turn>", TokenType.Control), ("<end_of_turn>", TokenType.Control), ("<start_of_image>", TokenType.Control),
        ("<end_of_image>", TokenType.Control), ("<image_soft_token>", TokenType.Control),
    ];

    public static List<CheckpointFinding> Examine(GgufFile file, IReadOnlyList<GgufTensor> tensors)
    {
        var findings = new List<CheckpointFinding>();
        AddEmbeddings(findings, tensors);
        AddTokens(findings, file);
        AddTemplate(findings, file);
        AddProjector(findings, file);
        return findings;
    }

    /// <summary>Token ids whose type is wrong, with the right one.</summary>
    public static Dictionary<int, TokenType> WrongTypes(string[] tokens, int[] types)
    {
        var wrong = new Dictionary<int, TokenType>();
        foreach (var (piece, type) in Controls)
        {
            var id = Array.IndexOf(tokens, piece);
            if (id < 0 || id >= types.Length || types[id] == (int)type || types[id] == (int)TokenType.Control) continue;
            wrong.Add(id, type);
        }

        return wrong;
    }

    /// <summary>The id of the end of turn, where the file does not name it; else <see langword="null"/>.</summary>
    public static int? UnnamedEndOfTurn(GgufFile file, string[] tokens)
    {
        var id = Array.IndexOf(tokens, "<end_of_turn>");
        return id >= 0 && file.GetInteger("tokenizer.ggml.eot_token_id") is null && file.GetInteger("tokenizer.ggml.eos_token_id") != id ? id : null;
    }

    private static void AddEmbeddings(List<CheckpointFinding> findings, IReadOnlyList<GgufTensor> tensors)
    {
        if (tensors.FirstOrDefault(tensor => tensor.Name == "token_embd.weight") is not { Type: GgmlType.F16 or GgmlType.BF16 or GgmlType.F32 } embeddings) return;
        if (!tensors.Any(tensor => tensor.Type == GgmlType.Q4_0)) return; // a file in full precision is meant to be one
        var offers = new[] { GgmlType.Q8_0, GgmlType.Q6_K }
            .Where(type => embeddings.Dimensions[0] % type.BlockLength() == 0)
            .Select(type => string.Create(CultureInfo.InvariantCulture,
                $"{type} saves {(embeddings.ByteLength - type.ByteLength(embeddings.ElementCount)) / 1e6:0} MB"));
        findings.Add(new(
            $"embeddings_{embeddings.Type.ToString().ToLowerInvariant()}",
            string.Create(CultureInfo.InvariantCulture, $"The token embeddings are {embeddings.Type} ({embeddings.ByteLength / 1e6:0} MB), which every token reads whole as the output matrix."),
            $"Repack them ({string.Join(", ", offers)} and as much reading for each token): inspect FILE --repack q8_0 --out G.")
        { Repackable = true });
    }

    private static void AddTokens(List<CheckpointFinding> findings, GgufFile file)
    {
        if (file.ReadTexts("tokenizer.ggml.tokens") is not { } tokens) return;
        var wrong = WrongTypes(tokens, file.ReadIntegers("tokenizer.ggml.token_type") ?? []);
        if (wrong.Count > 0)
        {
            findings.Add(new(
                "control_token_types",
                $"Control tokens are marked as text: {string.Join(", ", wrong.Keys.Select(id => tokens[id]))}. Other programs then take them from a user's text; this server does not.",
                "Repack the file, which corrects them: inspect FILE --repack q8_0 --out G.")
            { Repackable = true });
        }

        if (!tokens.Contains("<end_of_turn>") || !tokens.Contains("<start_of_turn>"))
        {
            findings.Add(new("turn_tokens_missing", "The vocabulary has no <start_of_turn> or no <end_of_turn>, so that the model cannot chat.", "Take an instruction-tuned (-it) checkpoint."));
        }
        else if (UnnamedEndOfTurn(file, tokens) is not null)
        {
            findings.Add(new(
                "end_of_turn_unnamed", "The file does not name its end-of-turn token (tokenizer.ggml.eot_token_id): programs that do not guess it generate past the answer.",
                "Repack the file, which adds it: inspect FILE --repack q8_0 --out G.")
            { Repackable = true });
        }
    }

    private static void AddTemplate(List<CheckpointFinding> findings, GgufFile file)
    {
        var template = file.GetText("tokenizer.chat_template");
        if (template is null)
            findings.Add(new("template_missing", "The file has no chat template.", "Nothing: this server has Gemma 3's own; other programs need one."));
        else if (!template.Contains("<start_of_turn>", StringComparison.Ordinal))
            findings.Add(new("template_foreign", "The file's chat template is not Gemma's.", "Check where the file comes from: this server formats turns as Gemma 3 was trained, whatever the template says."));
    }

    private static void AddProjector(List<CheckpointFinding> findings, GgufFile file)
    {
        if (!VisionWidths.Contains(file.GetInteger("gemma3.embedding_length") ?? 0)) return;
        var folder = Path.GetDirectoryName(Path.GetFullPath(file.Path))!;
        if (Directory.Exists(folder) && Directory.EnumerateFiles(folder, "*mmproj*.gguf").Any()) return;
        findings.Add(new("projector_missing", "This size sees images, and there is no projector (mmproj*.gguf) beside the file.", "Download the mmproj file of the same repository for image input; text works without it."));
    }
}
