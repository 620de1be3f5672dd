using System.Globalization;
using Gemma3Server.Runtime.LlamaCpp.Gguf.Inspection;
using Spectre.Console;

namespace Gemma3Server.Cli.Inspect;

/// <summary>Prints an inspection for people.</summary>
internal sealed class InspectReport(IAnsiConsole console)
{
    private const int WidthWithoutTerminal = 180;

    public void Print(CheckpointInspection inspection)
    {
        if (!console.Profile.Out.IsTerminal) console.Profile.Width = Math.Max(console.Profile.Width, WidthWithoutTerminal);
        var facts = new Grid().AddColumn(new GridColumn().NoWrap().PadRight(3)).AddColumn();
        void Fact(string name, string value) => facts.AddRow(Markup.Escape(name), Markup.Escape(value));
        foreach (var file in inspection.Files) Fact("file", file);
        Fact("size", $"{Megabytes(inspection.FileBytes)}, {Number(inspection.Weights / 1e6)} million weights, {Bits(8d * inspection.TensorBytes / Math.Max(1, inspection.Weights))} bits each");
        Fact("name", inspection.Name ?? "none");
        Fact("architecture", inspection.Architecture + (inspection.PublishedShape is { } shape ? $", the shape of Gemma 3 {shape}" : ""));
        foreach (var (key, value) in inspection.Shape) Fact(key, value);
        Fact("tokenizer", $"{inspection.Tokenizer ?? "none"}, {inspection.VocabularySize} tokens" + string.Concat(inspection.SpecialTokens.Select(token => $", {token.Key} {token.Value}")));
        Fact("chat template", inspection.ChatTemplateLength == 0 ? "none" : $"{inspection.ChatTemplateLength} characters");
        console.Write(facts);
        console.Write(Shares("stored as", inspection.ByType, inspection.TensorBytes));
        console.Write(Shares("used for", inspection.ByRole, inspection.TensorBytes));
        foreach (var finding in inspection.Findings) console.WriteLine($"{finding.Code}: {finding.Message} {finding.Advice}");
        if (inspection.Refusal is { } refusal) console.WriteLine($"not servable: {refusal}");
        else if (inspection.Findings.Count == 0) console.WriteLine("The doctor finds nothing.");
    }

    private static Table Shares(string title, IReadOnlyList<StorageShare> shares, long total)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumn(title);
        foreach (var column in (ReadOnlySpan<string>)["tensors", "million weights", "bits/weight", "MB", "%"]) table.AddColumn(new TableColumn(column).RightAligned());
        foreach (var share in shares)
        {
            table.AddRow(
                Markup.Escape(share.Name), share.Tensors.ToString(CultureInfo.InvariantCulture), Number(share.Weights / 1e6), Bits(share.BitsPerWeight),
                Number(share.Bytes / 1e6), Number(100d * share.Bytes / Math.Max(1, total)));
        }

        return table;
    }

    private static string Megabytes(long bytes) => $"{Number(bytes / 1e6)} MB";

    private static string Number(double value) => value.ToString("N1", CultureInfo.InvariantCulture);

    private static string Bits(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);
}
