using System.Globalization;
using Spectre.Console;

namespace Gemma3Server.Benchmarks.Scenarios;

/// <summary>Prints all results as one table.</summary>
internal static class ScenarioReport
{
    private const int WidthWithoutTerminal = 160;

    public static void Print(IAnsiConsole console, string subject, Scale scale, IReadOnlyList<ScenarioResult> results)
    {
        var table = new Table().Border(TableBorder.Simple);
        table.AddColumn("scenario");
        table.AddColumn("metric");
        foreach (var title in new[] { "ceiling", "on", "off", "ratio" }) table.AddColumn(new TableColumn(title).RightAligned());
        table.AddColumn("of");
        table.AddColumn("target");
        foreach (var result in results)
        {
            foreach (var metric in result.Metrics)
            {
                var ratio = result.Ratio(metric);
                table.AddRow(
                    metric == result.Scenario.Metrics[0] ? result.Scenario.Name : "",
                    Markup.Escape(metric.Name),
                    Number(result.Median(SideKind.Ceiling, metric), metric.Format),
                    Number(result.Median(SideKind.On, metric), metric.Format),
                    Number(result.Median(SideKind.Off, metric), metric.Format),
                    Number(ratio, "0.000"),
                    double.IsNaN(ratio) ? "" : result.Against(metric).Title(),
                    metric.Target is { } target ? $"{target}{Verdict(target, ratio)}" : "");
            }
        }

        // Piped into a file or a log, the table shall not be folded to the width of a terminal that is not there.
        if (!console.Profile.Out.IsTerminal) console.Profile.Width = Math.Max(console.Profile.Width, WidthWithoutTerminal);
        console.WriteLine(subject);
        console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"lengths x {scale.Factor:0.###}; straight on the engine, greedy; medians of rounds in turn, ratios taken round by round"));
        console.Write(table);
        foreach (var result in results)
        {
            console.WriteLine($"{result.Scenario.Name}: {result.Scenario.Title}");
            if (result.OffSettings.Count > 0) console.WriteLine($"  off = {string.Join(", ", result.OffSettings.Select(s => $"{s.Key}={s.Value}"))}");
            foreach (var note in result.Notes) console.WriteLine($"  {note}");
        }
    }

    private static string Verdict(Target target, double ratio) => double.IsNaN(ratio) ? "" : target.IsMet(ratio) ? ": met" : ": missed";

    private static string Number(double value, string format) => double.IsNaN(value) ? "-" : value.ToString(format, CultureInfo.InvariantCulture);
}
