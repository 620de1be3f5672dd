using System.Globalization;
using Gemma3Server.Engine.Evaluation;
using Spectre.Console;

namespace Gemma3Server.Cli.Perplexity;

/// <summary>Prints the figures as a table, each with its standard error.</summary>
internal sealed class PerplexityReport(IAnsiConsole console, PerplexityPlan plan)
{
    private const int WidthWithoutTerminal = 180;

    public void Print(EvaluationResult result)
    {
        // Piped into a file or a log, the table shall not be folded to the width of a terminal that is not there.
        if (!console.Profile.Out.IsTerminal) console.Profile.Width = Math.Max(console.Profile.Width, WidthWithoutTerminal);
        var what = plan.IsConversations ? "conversations" : "windows";
        var scored = plan.AnswersOnly ? "answer tokens" : "tokens";
        console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{result.Tokens} {scored} of {result.Documents} {what} of {plan.Text.Name}; ± standard error over {(result.ErrorsOverDocuments ? what : "tokens")}"));
        console.Write(result.Reference is null ? Alone(result) : Compared(result, result.Reference));
        if (result.LossRecovered is { } recovered) PrintRecovered(result, recovered);
    }

    private static Table Alone(EvaluationResult result)
    {
        var table = Columns("model", "perplexity", "bits/token");
        foreach (var model in result.Models) table.AddRow(Markup.Escape(model.Name), Text(model.Perplexity, 4), Text(model.BitsPerToken, 4));
        return table;
    }

    private static Table Compared(EvaluationResult result, ModelResult reference)
    {
        var table = Columns("model", "perplexity", "bits/token", "change of perplexity", "KL(reference || model)", "KL p99", "KL max", "top-1 agreement %");
        table.AddRow(Markup.Escape($"{reference.Name} (reference)"), Text(reference.Perplexity, 4), Text(reference.BitsPerToken, 4), "", "", "", "", "");
        foreach (var model in result.Models)
        {
            var agreement = model.Agreement!.Value;
            table.AddRow(
                Markup.Escape(model.Name),
                Text(model.Perplexity, 4),
                Text(model.BitsPerToken, 4),
                Text(model.PerplexityChange!.Value, 4, "+"),
                Text(model.Divergence!.Value, 5),
                Number(model.DivergenceP99!.Value, 4),
                Number(model.DivergenceMax!.Value, 4),
                Text(new(100 * agreement.Value, 100 * agreement.StandardError), 2));
        }

        return table;
    }

    private void PrintRecovered(EvaluationResult result, Estimate recovered)
    {
        var (reference, first, second) = (result.Reference!.Name, result.Models[0].Name, result.Models[1].Name);
        var share = Text(new(100 * recovered.Value, 100 * recovered.StandardError), 1);
        console.WriteLine($"Of the perplexity that {first} loses against {reference}, {second} recovers {share} %: "
            + $"1 - (PPL({second}) - PPL({reference})) / (PPL({first}) - PPL({reference})).");
        if (recovered.StandardError is null) console.WriteLine($"The loss of {first} does not stand out of the noise, so that the share says nothing.");
    }

    private static Table Columns(string first, params string[] others)
    {
        var table = new Table().Border(TableBorder.Simple);
        table.AddColumn(first);
        foreach (var title in others) table.AddColumn(new TableColumn(title).RightAligned());
        return table;
    }

    private static string Text(Estimate estimate, int digits, string sign = "")
    {
        var value = (estimate.Value >= 0 ? sign : "") + Number(estimate.Value, digits);
        return estimate.StandardError is { } error ? $"{value} ± {Number(error, digits)}" : value;
    }

    private static string Number(double value, int digits)
    {
        // A model without training has a perplexity of thousands, whose decimals mean nothing.
        var before = (int)Math.Log10(Math.Max(1, Math.Abs(value)));
        var after = Math.Max(0, digits - Math.Max(0, before - 2));
        return value.ToString("F" + after.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
    }
}
