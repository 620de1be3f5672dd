using System.Globalization;
using System.Text.RegularExpressions;
using Gemma3Pocket.Curriculum;

namespace Gemma3Server.EndToEndTests.Pocket;

/// <summary>The figures of the pocket model's card, which the tests hold the model to.</summary>
internal sealed partial class PocketCard
{
    private readonly Dictionary<string, double> _accuracies;

    private PocketCard(string text) =>
        _accuracies = AccuracyRow.Matches(text).ToDictionary(row => row.Groups[1].Value, row => double.Parse(row.Groups[2].Value, CultureInfo.InvariantCulture));

    /// <summary>The model, in the sources.</summary>
    public static string ModelPath
    {
        get
        {
            var folder = new DirectoryInfo(AppContext.BaseDirectory);
            while (!File.Exists(Path.Combine(folder.FullName, "Gemma3Server.sln"))) folder = folder.Parent!;
            return Path.Combine(folder.FullName, "src", "Gemma3Server", "Models", "gemma-3-pocket-it-qat-q4_0.gguf");
        }
    }

    /// <summary>Reads the card that lies beside the model.</summary>
    public static PocketCard Read() => new(File.ReadAllText(Path.ChangeExtension(ModelPath, "md")));

    /// <summary>Held-out accuracy of a skill, in percent.</summary>
    public double Accuracy(Skill skill) =>
        _accuracies.TryGetValue(skill.ToString(), out var value) ? value : throw new InvalidOperationException($"The card has no row '| {skill} | figure |'.");

    [GeneratedRegex(@"^\| (\w+) \| ([0-9.]+) \|", RegexOptions.Multiline)]
    private static partial Regex AccuracyRow { get; }
}
