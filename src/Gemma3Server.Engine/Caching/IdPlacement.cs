namespace Gemma3Server.Engine.Caching;

/// <summary>Chooses the sequence id of a sequence that continues on nothing.</summary>
/// <remarks>
/// A native batch over ids with cells of their own splits where consecutive ids break off, and each part reads all weights once: the ids in
/// use shall stand together. Free ids come first, since they cost nobody anything. Among idle ones only the half that was used less
/// recently is looked at, so that order costs no conversation that is likely to go on.
/// </remarks>
internal static class IdPlacement
{
    /// <summary>The best entry that is not in use; <see langword="null"/> when there is none.</summary>
    public static CacheEntry? Choose(CacheEntry[] entries)
    {
        var hasFree = Array.Exists(entries, static e => e.IsFree);
        CacheEntry? best = null;
        var bestNeighbours = 0;
        foreach (var entry in entries)
        {
            if (entry.InUse || (hasFree && !entry.IsFree) || (!hasFree && !IsInOlderHalf(entries, entry))) continue;
            var neighbours = Neighbours(entries, entry.Id);
            var better = best is null || neighbours > bestNeighbours
                || (neighbours == bestNeighbours && entry.LastUsed < best.LastUsed);
            if (!better) continue;
            best = entry;
            bestNeighbours = neighbours;
        }

        return best;
    }

    private static bool IsInOlderHalf(CacheEntry[] entries, CacheEntry entry)
    {
        int older = 0, idle = 0;
        foreach (var other in entries)
        {
            if (!other.IsIdle) continue;
            idle++;
            if (other.LastUsed < entry.LastUsed) older++;
        }

        return older < (idle + 1) / 2;
    }

    private static int Neighbours(CacheEntry[] entries, int id)
    {
        var neighbours = 0;
        if (id > 0 && entries[id - 1].InUse) neighbours++;
        if (id + 1 < entries.Length && entries[id + 1].InUse) neighbours++;
        return neighbours;
    }
}
