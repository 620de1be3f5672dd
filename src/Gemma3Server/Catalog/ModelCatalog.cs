namespace Gemma3Server.Catalog;

/// <summary>The models that are known by name. Names are compared without case.</summary>
internal sealed class ModelCatalog
{
    /// <summary>Names further apart than this are not taken for misspelt.</summary>
    private const int MostEdits = 2;

    private readonly Dictionary<string, CatalogMatch> _names = new(StringComparer.OrdinalIgnoreCase);

    /// <param name="entries">Checked settings (<see cref="CatalogCheck"/>).</param>
    public ModelCatalog(IReadOnlyDictionary<string, CatalogEntry> entries)
    {
        Entries = [.. entries.Select(pair => pair.Value with { Name = pair.Key }).OrderBy(entry => entry.Bytes).ThenBy(entry => entry.Name, StringComparer.Ordinal)];
        foreach (var entry in Entries)
        {
            foreach (var name in entry.Aliases.Prepend(entry.Name)) _names.TryAdd(name, new(entry, null));
        }

        // After all names and aliases, which win: two entries may share a repository, and then it means the first of them.
        foreach (var entry in Entries)
        {
            foreach (var (key, source) in entry.InOrder)
            {
                var file = Path.GetFileName(source.File.Path);
                foreach (var name in new[] { source.Repository, $"{source.Repository}:{source.File.Path}", file, Path.GetFileNameWithoutExtension(file) })
                    _names.TryAdd(name, new(entry, key));
            }
        }
    }

    /// <summary>All models, the smallest first.</summary>
    public IReadOnlyList<CatalogEntry> Entries { get; }

    /// <summary>Finds a model by its name, an alias, a repository or a file name; null = unknown.</summary>
    public CatalogMatch? Find(string name) => _names.GetValueOrDefault(name.Trim());

    /// <summary>Names that somebody may have meant, the nearest first; at most three.</summary>
    public IReadOnlyList<string> Near(string name)
    {
        // A name may be as long as a request: only those of about a known one's length are compared.
        var given = name.Trim();
        return [.. Entries.SelectMany(entry => entry.Aliases.Prepend(entry.Name))
            .Where(known => Math.Abs(known.Length - given.Length) <= MostEdits)
            .Select(known => (Name: known, Edits: Edits(given.ToUpperInvariant(), known.ToUpperInvariant())))
            .Where(known => known.Edits <= MostEdits && known.Edits < known.Name.Length)
            .OrderBy(known => known.Edits).Select(known => known.Name).Take(3)];
    }

    /// <summary>The Levenshtein distance.</summary>
    private static int Edits(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            (var diagonal, row[0]) = (row[0], i);
            for (var j = 1; j <= b.Length; j++)
                (diagonal, row[j]) = (row[j], Math.Min(Math.Min(row[j], row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)));
        }

        return row[^1];
    }
}
