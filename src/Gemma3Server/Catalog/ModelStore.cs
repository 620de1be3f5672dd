using System.Text.Json;

namespace Gemma3Server.Catalog;

/// <summary>Where pulled models lie.</summary>
/// <remarks>
/// <code>
/// DIRECTORY/OWNER/NAME/FILE.gguf              whole and verified, always
/// DIRECTORY/OWNER/NAME/.pull/FILE.gguf.json   its receipt, written after the file is in its place
/// DIRECTORY/OWNER/NAME/.pull/FILE.gguf.part   what is being pulled, with holes
/// DIRECTORY/OWNER/NAME/.pull/FILE.gguf.ranges the journal of its finished ranges
/// DIRECTORY/.locks/OWNER--NAME--FILE.gguf     held by whoever pulls or removes the file; never deleted, since a waiter may have it open
/// </code>
/// A file in a folder of its repository lies in that folder here too. A file without a receipt is one that somebody put there, or whose
/// pull was killed between the two: it is served all the same, and the next pull hashes it instead of fetching it again.
/// </remarks>
internal sealed class ModelStore(string directory)
{
    private const string Bookkeeping = ".pull";

    private static readonly string[] Bookkept = [".json", ".ranges", ".part"];

    /// <summary>The folder of everything.</summary>
    public string Directory { get; } = directory;

    /// <summary>Where models are kept by default: the user's data directory (XDG), or empty where there is no home.</summary>
    public static string DefaultDirectory
    {
        get
        {
            var data = Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify);
            return data.Length == 0 ? "" : Path.Combine(data, "gemma3server", "models");
        }
    }

    /// <summary>The file itself.</summary>
    public string PathOf(string repository, string file) => Path.Combine([Folder(repository), .. Parts(file)]);

    /// <summary>What is being pulled.</summary>
    public string PartialOf(string repository, string file) => Beside(repository, file, ".part");

    /// <summary>The journal of the partial file.</summary>
    public string JournalOf(string repository, string file) => Beside(repository, file, ".ranges");

    /// <summary>The file that a pull locks.</summary>
    public string LockOf(string repository, string file) =>
        Path.Combine(Directory, ".locks", string.Join("--", (string[])[.. Folders(repository), .. Parts(file)]));

    /// <summary>Whether all of it is here: the file, or all its shards.</summary>
    public bool Has(string repository, string file) => HubNames.Shards(file).All(shard => File.Exists(PathOf(repository, shard)));

    /// <summary>The receipt of a file that is here; null where there is none, or none that can be read.</summary>
    public Receipt? ReceiptOf(string repository, string file)
    {
        var path = Beside(repository, file, ".json");
        return File.Exists(path) && File.Exists(PathOf(repository, file)) ? Read(path) : null;
    }

    /// <summary>The receipts of all files that are here.</summary>
    public IReadOnlyList<Receipt> Receipts()
    {
        if (!System.IO.Directory.Exists(Directory)) return [];
        var separator = Path.DirectorySeparatorChar;
        return [.. System.IO.Directory.EnumerateFiles(Directory, "*.json", SearchOption.AllDirectories)
            .Where(path => path.Contains($"{separator}{Bookkeeping}{separator}", StringComparison.Ordinal))
            .Select(Read).OfType<Receipt>()
            .Where(receipt => HubNames.IsRepository(receipt.Repository) && HubNames.IsFile(receipt.File) && File.Exists(PathOf(receipt.Repository, receipt.File)))
            .OrderBy(receipt => receipt.Repository, StringComparer.Ordinal).ThenBy(receipt => receipt.File, StringComparer.Ordinal)];
    }

    /// <summary>The files of a repository that are here, whole or in part.</summary>
    public IReadOnlyList<string> Files(string repository)
    {
        var folder = Folder(repository);
        if (!System.IO.Directory.Exists(folder)) return [];
        return [.. System.IO.Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(folder, path).Replace(Path.DirectorySeparatorChar, '/').Replace($"{Bookkeeping}/", "", StringComparison.Ordinal))
            .Select(file => Bookkept.FirstOrDefault(end => file.EndsWith(end, StringComparison.Ordinal)) is { } end ? file[..^end.Length] : file)
            .Where(HubNames.IsFile).Distinct().Order(StringComparer.Ordinal)];
    }

    /// <summary>Puts a verified partial file in its place.</summary>
    /// <remarks>
    /// The partial file's bytes are on disk already. The old receipt goes first: at no point does a receipt stand beside a file that it does
    /// not describe. A machine that fails midway has the old file, or the new one without a receipt, never half a file.
    /// </remarks>
    public void Publish(Receipt receipt)
    {
        var (repository, file) = (receipt.Repository, receipt.File);
        File.Delete(Beside(repository, file, ".json"));
        File.Move(PartialOf(repository, file), PathOf(repository, file), overwrite: true);
        Write(receipt);
        File.Delete(JournalOf(repository, file));
    }

    /// <summary>Writes the receipt of a file that is in its place.</summary>
    public void Write(Receipt receipt)
    {
        var path = Beside(receipt.Repository, receipt.File, ".json");
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using (var stream = new FileStream(path + ".new", FileMode.Create, FileAccess.Write))
        {
            JsonSerializer.Serialize(stream, receipt, CatalogJson.Default.Receipt);
            stream.Flush(flushToDisk: true);
        }

        File.Move(path + ".new", path, overwrite: true);
    }

    /// <summary>Removes a file and all that belongs to it; returns the bytes of the whole file, 0 where it was there in part, and null where nothing was there.</summary>
    public long? Remove(string repository, string file)
    {
        long? freed = null;
        foreach (var path in Bookkept.Select(end => Beside(repository, file, end)).Append(PathOf(repository, file)))
        {
            if (!File.Exists(path)) continue;
            freed = (freed ?? 0) + (path == PathOf(repository, file) ? new FileInfo(path).Length : 0); // a partial file has holes
            File.Delete(path);
        }

        for (var folder = Path.GetDirectoryName(Beside(repository, file, ""))!; folder.Length > Directory.Length; folder = Path.GetDirectoryName(folder)!)
        {
            if (!System.IO.Directory.Exists(folder)) continue;
            if (System.IO.Directory.EnumerateFileSystemEntries(folder).Any()) break;
            System.IO.Directory.Delete(folder);
        }

        return freed;
    }

    private string Beside(string repository, string file, string end)
    {
        var parts = Parts(file);
        return Path.Combine([Folder(repository), .. parts[..^1], Bookkeeping, parts[^1] + end]);
    }

    private string Folder(string repository) => Path.Combine([Directory, .. Folders(repository)]);

    private static string[] Folders(string repository) =>
        HubNames.IsRepository(repository) ? repository.Split('/') : throw new ArgumentException($"'{repository}' is no repository.");

    private static string[] Parts(string file) =>
        HubNames.IsFile(file) ? file.Split('/') : throw new ArgumentException($"'{file}' is no file name.");

    private static Receipt? Read(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllBytes(path), CatalogJson.Default.Receipt);
        }
        catch (Exception exception) when (exception is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
