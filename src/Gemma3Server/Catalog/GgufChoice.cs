namespace Gemma3Server.Catalog;

/// <summary>Which file of a repository is the model that somebody means.</summary>
/// <param name="File">The file; null where none or several can be meant.</param>
/// <param name="Candidates">The models that can be meant, or all models of the repository where none can.</param>
internal sealed record GgufChoice(string? File, IReadOnlyList<string> Candidates)
{
    /// <param name="paths">All files of the repository.</param>
    /// <param name="wanted">A path, a part of one such as <c>Q4_0</c>, or null for the only one, else the only Q4_0 one.</param>
    public static GgufChoice Of(IEnumerable<string> paths, string? wanted)
    {
        var models = paths.Where(IsModel).Order(StringComparer.Ordinal).ToList();
        if (wanted is not null)
        {
            if (models.Contains(wanted)) return new(wanted, [wanted]);
            var named = models.Where(path => path.Contains(wanted, StringComparison.OrdinalIgnoreCase)).ToList();
            return named.Count == 0 ? new(null, models) : Only(named);
        }

        if (models.Count <= 1) return Only(models);
        var quantized = models.Where(path => path.Contains("q4_0", StringComparison.OrdinalIgnoreCase)).ToList();
        return quantized.Count == 1 ? Only(quantized) : new(null, models);
    }

    private static GgufChoice Only(List<string> paths) => new(paths is [var only] ? only : null, paths);

    /// <summary>Projectors are no models, and of shards the first stands for all.</summary>
    public static bool IsModel(string path) =>
        path.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase)
        && !Path.GetFileName(path).StartsWith("mmproj", StringComparison.OrdinalIgnoreCase)
        && HubNames.Shards(path)[0] == path;
}
