namespace Gemma3Server.Testing;

/// <summary>Counts the KV cells that the fake's sequences hold; a fork shares cells, and a cell is free when its last holder lets go.</summary>
internal sealed class FakeCells
{
    /// <summary>Cells that somebody holds.</summary>
    public int Used { get; private set; }

    public Cell Take()
    {
        Used++;
        return new() { Holders = 1 };
    }

    public static Cell Share(Cell cell)
    {
        cell.Holders++;
        return cell;
    }

    public void Drop(List<Cell> cells, int from)
    {
        for (var i = from; i < cells.Count; i++)
        {
            if (--cells[i].Holders == 0) Used--;
        }

        cells.RemoveRange(from, cells.Count - from);
    }

    public sealed class Cell
    {
        public int Holders { get; set; }
    }
}
