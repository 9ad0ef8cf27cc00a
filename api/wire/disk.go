package wire

// Disk is what uses the server's disk, in bytes. What several services share is counted once: as a base image, or
// for the first that has it.
type Disk struct {
	Services     []DiskService `json:"services" doc:"The largest first. The one without an id is what belongs to no service: images pulled by reference, leftovers"`
	BaseImages   int64         `json:"base_images" doc:"Images that builds start from, in the engine's store"`
	BaseArchives int64         `json:"base_archives" doc:"Base images made on this machine, as files; every csphd of the machine shares them"`
	BuildCache   int64         `json:"build_cache" doc:"Results of build steps, of all services together"`
	Database     int64         `json:"database"`
	Volumes      int64         `json:"volumes" doc:"What is in volumes; csph volumes list shows each"`
	Snapshots    int64         `json:"snapshots" doc:"Snapshots of volumes"`
	Free         int64         `json:"free" doc:"What the disk still has"`
	MinFree      int64         `json:"min_free" doc:"With less than this free, build caches are dropped"`
	CacheBudget  int64         `json:"cache_budget" doc:"What the build caches may take together"`
}

// DiskService is what one service uses, in bytes.
type DiskService struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	Images     int    `json:"images" doc:"How many images are kept: the live one and those that can be restored"`
	ImageBytes int64  `json:"image_bytes" doc:"Layers as stored and as unpacked, without those of base images"`
	CacheBytes int64  `json:"cache_bytes" doc:"Package caches of its builds"`
	Repository int64  `json:"repository_bytes"`
	Sources    int64  `json:"source_bytes" doc:"The checked-out or uploaded source of the last build"`
	Logs       int64  `json:"log_bytes"`
	Total      int64  `json:"total_bytes"`
}

// Freed is how much of the disk something has given back.
type Freed struct {
	Bytes int64 `json:"bytes"`
}
